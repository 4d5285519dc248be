"""What a JPEG says of itself, read before it is decoded: a decoder believes a header of 700 bytes and takes 200 MB. Pure.

Only what OpenCV's encoder, and so a relay, makes is taken: baseline, 8 bits, three components (ITU-T T.81, annex B).
"""

from __future__ import annotations

from common.messages import MAX_PIXELS

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
SOF0, SOS = 0xC0, 0xDA
DQT, DHT, DRI, COM, APP0, APP15 = 0xDB, 0xC4, 0xDD, 0xFE, 0xE0, 0xEF
PASSED_OVER = {DQT, DHT, DRI, COM, *range(APP0, APP15 + 1)}  # segments with a length, which say nothing of the size
# the least that a coder can say: two bits for each of an MCU's blocks, at most 10 blocks for at most 32 x 16 pixels
# (T.81, B.2.3), which is one byte for 205 pixels
PIXELS_A_BYTE = 256


def size_of(data: bytes) -> tuple[int, int] | None:
    """Height and width that a decoder would make room for, pixels.

    Returns:
        None where `data` is no whole baseline JPEG in colour, is larger than MAX_PIXELS, or is too short to hold as many
        pixels as it says.
    """
    if not data.startswith(SOI) or not data.endswith(EOI):
        return None
    found: tuple[int, int] | None = None
    at = len(SOI)
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == SOS:
            return found
        if marker == SOF0 and found is None:
            found = _frame(data[at + 4 : at + 2 + length], len(data))
            if found is None:
                return None
        elif marker not in PASSED_OVER or length < 2:
            return None
        at += 2 + length
    return None


def _frame(header: bytes, total: int) -> tuple[int, int] | None:
    """Height and width of a frame header (T.81, B.2.2) without its marker and length, in `total` bytes of JPEG."""
    if len(header) != 15 or header[0] != 8 or header[5] != 3:
        return None
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    pixels = height * width
    return (height, width) if 0 < pixels <= min(MAX_PIXELS, total * PIXELS_A_BYTE) else None
