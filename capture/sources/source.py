"""What every source of frames can do.

A source is used from one thread: it opens its device or file, waits for the next frame and returns it. It does not know
of rings or sockets.

A source's `name`, its `notice` and the text of a SourceLostError are seen by everybody in the call: they never say more
than "the file" or "the network camera". Only the log and a SourceError, which ends the call on the
user's own terminal, name a path; of an address they name scheme and host, for the rest may hold a password.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

CAMERA, NETWORK_CAMERA, FILE, FOLDER, DEMO = "the camera", "the network camera", "the file", "the folder", "the demo"
PATIENCE_S = 2.0  # how long one read may take


class Shot(NamedTuple):
    """One frame as it came: (H, W, 3) uint8 BGR owned by the receiver, its number, and when (CLOCK_MONOTONIC ns)."""

    picture: NDArray[np.uint8]
    source_index: int
    captured_ns: int


class Source(Protocol):
    """What every source can do."""

    name: str  # one of the words above
    description: str  # for the log
    notice: str
    patience_s: float

    def read(self) -> Shot | None:
        """Wait for the next frame; None when the source has come to its end.

        Raises:
            SourceError: What is there cannot be used.
            SourceLostError: It delivered and does so no more; it may come back.
        """

    def reopen(self) -> Source:
        """The same source anew, after `close`. Raises as at first."""

    def close(self) -> None:
        """Let go of the device or file."""
