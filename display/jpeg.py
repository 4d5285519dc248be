"""What a JPEG says of itself, read before it is decoded: a decoder believes a header of 700 bytes and takes 200 MB. Pure.

Only what OpenCV's encoder, and so a relay, makes is taken: baseline, 8 bits, three components in one scan (ITU-T T.81,
annex B). A scan of ten bytes may cover the whole picture, so a decoder would be busy for hours with a message full of them.
"""

from __future__ import annotations

import re

from common.ipc.messages import MAX_PIXELS

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
SOF0, SOS = 0xC0, 0xDA
DQT, DHT, DRI, COM, APP0, APP15 = 0xDB, 0xC4, 0xDD, 0xFE, 0xE0, 0xEF
PASSED_OVER = {DQT, DHT, DRI, COM, *range(APP0, APP15 + 1)}  # segments with a length, which say nothing of the size
# within a scan 0xFF is followed by 0 or begins a restart marker (T.81, B.1.1.5): anything else ends the scan
END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]", re.DOTALL)
# the least that a coder can say: two bits for each of an MCU's blocks, at most 10 blocks for at most 32 x 16 pixels
# (T.81, B.2.3), which is one byte for 205 pixels
PIXELS_A_BYTE = 256


def size_of(data: bytes) -> tuple[int, int] | None:
    """Height and width that a decoder would make room for, pixels.

    Returns:
        None where `data` is no whole baseline JPEG in colour and of one scan, is larger than MAX_PIXELS, or is too short to hold as many
        pixels as it says.
    """
    if not data.startswith(SOI) or not data.endswith(EOI):
        return None
    found: tuple[int, int] | None = None
    at = len(SOI)
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == SOS:
            return found if _is_only_scan(data, at, length) else None
        if marker == SOF0 and found is None:
            found = _frame(data[at + 4 : at + 2 + length], len(data))
            if found is None:
                return None
        elif marker not in PASSED_OVER or length < 2:
            return None
        at += 2 + length
    return None


def _is_only_scan(data: bytes, at: int, length: int) -> bool:
    """Whether the scan whose marker lies at `at` holds all components, and the picture ends with it."""
    ends = END_OF_SCAN.search(data, at + 2 + length)
    return data[at + 4 : at + 5] == b"\x03" and ends is not None and ends.end() == len(data)


def _frame(header: bytes, total: int) -> tuple[int, int] | None:
    """Height and width of a frame header (T.81, B.2.2) without its marker and length, in `total` bytes of JPEG."""
    if len(header) != 15 or header[0] != 8 or header[5] != 3:
        return None
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    pixels = height * width
    return (height, width) if 0 < pixels <= min(MAX_PIXELS, total * PIXELS_A_BYTE) else None
