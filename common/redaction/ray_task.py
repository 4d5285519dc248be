"""What a node of Ray is sent: the code of this module itself, not its name, so that it can say where onlyme is missing.

So it imports the standard library only.
"""

from __future__ import annotations

import platform
import sys
import time
from typing import Any

TELL_EVERY_S = 1.0
Told = tuple[str, int, int, float]  # source and the other fields of a Progress


class Board:
    """Takes the progress of all tasks until it is asked for. It is an actor of Ray."""

    def __init__(self) -> None:
        self._told: dict[str, Told] = {}

    def tell(self, told: Told) -> None:
        """Take how far a source is."""
        self._told[told[0]] = told

    def take(self) -> list[Told]:
        """Return the last progress of each source that has told any since the last time."""
        told, self._told = self._told, {}
        return list(told.values())


def redact(code: str, job: dict[str, Any], alike: tuple[int, str], board: Any) -> Any:
    """Do one job on the node where this runs. It is a task of Ray.

    Args:
        code: Folder that holds onlyme's packages, here as on the machine that asks.
        job: The fields of a Job with absolute paths.
        alike: Those of an Alike: what must be the same here as there.
        board: The actor that takes the progress.

    Returns:
        An Outcome, or one line that says why this node cannot do it.
    """
    if sys.path[0] != code:  # Ray has put the folder there in which the user was
        sys.path.insert(0, code)
    try:
        from common.redaction.on_node import Alike, redact_here
        from common.redaction.one import Job
    except ImportError as error:
        return (
            f"--ray: expected onlyme in {code} on every node, with its packages in the Python that runs Ray, got none on "
            f"{platform.node()} ({error}); install it there at the same path, and start Ray there with its Python"
        )
    told_at = -TELL_EVERY_S

    def tell(progress: Any) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= TELL_EVERY_S:
            told_at = time.monotonic()
            board.tell.remote((str(progress.source), progress.frames, progress.expected, progress.seconds))

    return redact_here(Job(**job), Alike(*alike), tell)
