"""What every source of frames can do.

A source is used from one thread: it opens its device or file, waits for the next frame and returns it. It does not know
of rings or sockets.

Everybody in the call can read a source's `name`, its `notice` and the text of a SourceLostError, so these say no more
than "the file" or "the network camera". A path appears only in the log and in a SourceError, which ends the call on the
user's own terminal. Of an address they contain scheme and host only, because the rest may contain a password.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from common.errors import SourceError
from common.ipc.records import MAX_SIDE
from common.vision.arrays import BgrImage

CAMERA, NETWORK_CAMERA, FILE, FOLDER, DEMO = "the camera", "the network camera", "the file", "the folder", "the demo"
READ_TIMEOUT_S = 2.0  # how long a read may take, without the time between two frames


class SourceFrame(NamedTuple):
    """One frame of a source.

    picture: (H, W, 3) uint8 BGR. The receiver owns it.
    source_index: Number of the frame in its source, counted on through loops of a file.
    captured_ns: CLOCK_MONOTONIC.
    """

    picture: BgrImage
    source_index: int
    captured_ns: int


class Source(Protocol):
    """A source of frames.

    name: One of the constants above. Everybody may read it.
    description: For the log.
    notice: Shown in the picture; "" for nothing.
    read_timeout_s: After so long a read has failed.
    """

    name: str
    description: str
    notice: str
    read_timeout_s: float

    def read(self) -> SourceFrame | None:
        """Wait for the next frame and return it, None at the end of the source.

        Raises:
            SourceError: A frame cannot be decoded.
            SourceLostError: The source stopped delivering. It may recover.
        """

    def reopen(self) -> Source:
        """Open the same source again, after `close`. Raises what its first opening raises."""

    def close(self) -> None:
        """Release the device or file."""


def check_size(height: int, width: int) -> None:
    """Check the size of a picture in pixels.

    Raises:
        SourceError: It is larger than a message can describe.
    """
    if max(height, width) > MAX_SIDE:
        raise SourceError(
            f"--source: expected pictures of at most {MAX_SIDE} pixels a side, got {width} x {height}; make them smaller"
        )
