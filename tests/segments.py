"""Tell the shared memory of the tests' own processes from that of another call of the same user.

All segments of a user lie in one folder under names that say nothing of the call. So whose a segment is, its processes
say: every process that the tests start inherits `MARK`, and the processes of one call its run folder.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterable
from pathlib import Path

from common.ipc.shm import SHM_FOLDER, find_stale, name_prefix
from tests.call import processes_of, processes_with

MARK = "STARTED_BY_TESTS"
# set where this is imported: benches and fault injections start processes without pytest too
os.environ.setdefault(MARK, uuid.uuid4().hex)


def segment_names() -> set[str]:
    """Return the names of all of this user's segments, those of other calls included."""
    return {path.name for path in Path(SHM_FOLDER).glob(f"{name_prefix()}*")}


def segments_of(run_dir: Path) -> set[str]:
    """Return the names of the segments that the processes of one call have mapped."""
    return _mapped_by(processes_of(run_dir))


def new_since(before: set[str]) -> set[str]:
    """Return the names of the segments that were not there `before`, without those of another call that runs.

    Another call's are those which have a living writer and are mapped by no process of the tests. Whatever a killed process
    of the tests left behind has no writer any more, so it is counted.
    """
    new = segment_names() - before
    written = new - set(find_stale())
    if not written:
        return new
    own = [os.getpid(), *processes_with(f"{MARK}={os.environ[MARK]}")]  # this one had no mark when it began
    return new - (written - _mapped_by(own))


def _mapped_by(pids: Iterable[int]) -> set[str]:
    names: set[str] = set()
    for pid in pids:
        try:
            maps = Path(f"/proc/{pid}/maps").read_text()
        except OSError:  # it has ended, or is somebody else's
            continue
        names |= set(re.findall(rf"{SHM_FOLDER}/({name_prefix()}\S+)$", maps, re.MULTILINE))
    return names
