"""The small Mask R-CNN for who has none, once: `make run` runs this before the call.

It takes 20 s at most, or gives up: the call must come up on any network. That it was tried is remembered in a file
beside the model, whether or not it came to an end, so that no later start waits again; `make model` tries again.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from common.config import FirstStartSettings, InferSettings, read_settings
from common.errors import ConfigError, UserError
from common.model import NOT_FETCHED, models_in
from infer.download import Pinned
from infer.fetch import FOLDER, SMALL, fetch_small

LIMIT_S = 20.0


def fetch_once(folder: Path, files: Mapping[str, Pinned] = SMALL, limit_s: float = LIMIT_S) -> None:
    """Fetch the small Mask R-CNN into a folder that holds none and where that was not tried; says one line where it cannot.

    Args:
        folder: Of the model.
        files: See `fetch_small`.
        limit_s: What all of it may take.
    """
    note = folder / NOT_FETCHED
    if models_in(folder) or note.exists():
        return
    size = sum(pinned.checksum.size for pinned in files.values()) / 1e6
    print(
        f"model: fetching a small Mask R-CNN ({size:.1f} MB, {limit_s:g} s at most; ONLYME_FETCH=no never asks)",
        flush=True,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)  # an installed copy comes without it
        note.write_text("it was not finished\n")  # before: who ends this wants no second one
        reason = _try_within(folder, files, limit_s)
        if reason:
            note.write_text(reason + "\n")
    except OSError as error:
        reason = f"{note} cannot be written ({error.strerror})"
    if reason:
        print(f"model: none was fetched ({reason}); the embedded who finds people, make model tries again", flush=True)


def _try_within(folder: Path, files: Mapping[str, Pinned], limit_s: float) -> str:
    """Fetch in a process of its own, which can be ended wherever it waits, for a name server too; why that failed, or ""."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_fetch, args=(theirs, folder, files, limit_s), daemon=True)
    child.start()
    theirs.close()
    try:
        reason: str = ours.recv()
    except EOFError:
        child.join()
        reason = f"not here within {limit_s:g} s" if child.exitcode == -signal.SIGALRM else "it failed, see above"
    child.join()
    return reason


def _fetch(answer: Connection, folder: Path, files: Mapping[str, Pinned], limit_s: float) -> None:
    """The process: ended by the kernel at the limit, whatever it does then, and also where nobody waits for it any more."""
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        fetch_small(folder, files)
    except UserError as error:
        answer.send(str(error))
    except KeyboardInterrupt:
        return
    else:
        answer.send("")


def main() -> None:
    """Command line."""
    try:
        wanted = read_settings(FirstStartSettings, "python -m infer.first_start", sys.argv[1:]).fetch
        if wanted and read_settings(InferSettings, "python -m infer.first_start", []).mask_rcnn.absolute() == FOLDER:
            fetch_once(FOLDER)
    except ConfigError as error:
        print(f"make run: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell says it


if __name__ == "__main__":
    main()
