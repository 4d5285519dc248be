"""Checks the settings of all stages, and fetches the small Mask R-CNN once, if there is none. `make run` runs this before the call.

A mistake in a setting ends `make run` here: under honcho its line would be followed by those about the end of the stages.

The fetch gives up after 20 s, because the call must start on any network. A file beside the model records the attempt, whether it
ended or not, so that no later start waits again. `make model` tries again.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from common.errors import ConfigError, UserError
from common.runtime.install import MODEL_COMMAND, RUN_COMMAND
from common.settings.loader import read_settings
from common.stages import all_settings
from infer.download import Pinned
from infer.fetch import FOLDER, SMALL, fetch_small
from infer.model_folder import NOT_FETCHED, models_in
from infer.settings import FirstStartSettings, InferSettings

PROG = "python -m infer.first_start"
LIMIT_S = 20.0


def fetch_once(folder: Path, files: Mapping[str, Pinned] = SMALL, limit_s: float = LIMIT_S) -> None:
    """Fetch the small Mask R-CNN into a folder that holds no model, unless it was tried before. Prints one line on failure.

    Args:
        folder: Folder of the model.
        files: See `fetch_small`.
        limit_s: Time limit for all files together.
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
        note.write_text("it was not finished\n")  # first: a user who interrupts the attempt does not want another
        reason = _try_within(folder, files, limit_s)
        if reason:
            note.write_text(reason + "\n")
    except OSError as error:
        reason = f"{note} cannot be written ({error.strerror})"
    if reason:
        print(
            f"model: none was fetched ({reason}); the embedded detector finds people, {MODEL_COMMAND} tries again",
            flush=True,
        )


def _try_within(folder: Path, files: Mapping[str, Pinned], limit_s: float) -> str:
    """Fetch in a separate process, which can be ended even while it waits for a name server.

    Returns:
        The reason of a failure, "" for success.
    """
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
    """Fetch, in the separate process. The kernel ends it at the limit, even if its parent is gone."""
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
    """Run the command line."""
    try:
        wanted = read_settings(FirstStartSettings, PROG, sys.argv[1:]).fetch
        for kind in all_settings().values():
            read_settings(kind, PROG, [])
        if wanted and read_settings(InferSettings, PROG, []).mask_rcnn.absolute() == FOLDER:
            fetch_once(FOLDER)
    except ConfigError as error:
        print(f"{RUN_COMMAND}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)  # the exit code of a shell for SIGINT


if __name__ == "__main__":
    main()
