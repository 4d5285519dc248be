"""Tell the shared memory of the tests' own processes from that of another call of the same user.

All segments of a user lie in one folder under names that say nothing of the call. So whose a segment is, its processes
say: every process that the tests start inherits `MARK`, and the processes of one call its run folder.
"""

from __future__ import annotations

import fcntl
import os
import re
import uuid
from collections.abc import Callable
from pathlib import Path

from common.ipc.shm import SHM_FOLDER, name_prefix

MARK = "STARTED_BY_TESTS"
# set where this is imported: benches and fault injections start processes without pytest too
os.environ.setdefault(MARK, uuid.uuid4().hex)


def segment_names() -> set[str]:
    """Return the names of all of this user's segments, those of other calls included."""
    return {path.name for path in Path(SHM_FOLDER).glob(f"{name_prefix()}*")}


def segments_of(run_dir: Path) -> set[str]:
    """Return the names of the segments that the processes of one call have mapped."""
    return _mapped_where(lambda environ: f"ONLYME_RUN_DIR={run_dir}\0".encode() in environ)


def new_since(before: set[str]) -> set[str]:
    """Return the names of the segments that were not there `before`, without those of another call that runs.

    Another call's are those which a living writer has locked and no process of the tests has mapped. Whatever a killed
    process of the tests left behind has no writer any more, so it is counted.
    """
    new = segment_names() - before
    others = {name for name in new if _has_writer(name)} - _mapped_by_tests() if new else set()
    return new - others


def _mapped_by_tests() -> set[str]:
    mark = f"{MARK}={os.environ[MARK]}\0".encode()
    own = _mapped_in(Path("/proc/self"))  # its environment in /proc is that of its start
    return own | _mapped_where(lambda environ: mark in environ)


def _mapped_where(is_meant: Callable[[bytes], bool]) -> set[str]:
    names: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if is_meant((process / "environ").read_bytes() + b"\0"):
                names |= _mapped_in(process)
        except OSError:  # it has ended, or is somebody else's
            continue
    return names


def _mapped_in(process: Path) -> set[str]:
    found = re.findall(rf"{SHM_FOLDER}/({name_prefix()}\S+)$", (process / "maps").read_text(), re.MULTILINE)
    return set(found)


def _has_writer(name: str) -> bool:
    """Return whether a living process holds the writer's lock, wherever that process is."""
    try:
        with Path(SHM_FOLDER, name).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
