"""Reads the size in a JPEG's header before anything decodes it. Pure.

A decoder trusts the header: 700 bytes can make it allocate 200 MB. Accepted is only what OpenCV's encoder, and so a
relay, makes: baseline, 8 bits, three components in one scan (ITU-T T.81, annex B). More scans are refused because a scan
of ten bytes may cover the whole picture: a decoder would be busy for hours with a message full of them.
"""

from __future__ import annotations

import re

from common.ipc.messages import MAX_PIXELS

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
SOF0, SOS = 0xC0, 0xDA
DQT, DHT, DRI, COM, APP0, APP15 = 0xDB, 0xC4, 0xDD, 0xFE, 0xE0, 0xEF
PASSED_OVER = {DQT, DHT, DRI, COM, *range(APP0, APP15 + 1)}  # segments that have a length and do not change the size
# in a scan 0xFF comes before 0 or as part of a restart marker (T.81, B.1.1.5); any other marker ends the scan
END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]", re.DOTALL)
# The shortest code is two bits for each block of an MCU, which has at most 10 blocks for at most 32 x 16 pixels
# (T.81, B.2.3): one byte for 205 pixels.
PIXELS_A_BYTE = 256


def size_of(data: bytes) -> tuple[int, int] | None:
    """Return the height and width, in pixels, for which a decoder would allocate memory.

    Returns:
        None if `data` is not a complete baseline JPEG in colour with one scan, has more than MAX_PIXELS, or is too short
        for the number of pixels in its header.
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
    """Return whether the scan whose marker lies at `at` holds all components and is the last part of the file."""
    ends = END_OF_SCAN.search(data, at + 2 + length)
    return data[at + 4 : at + 5] == b"\x03" and ends is not None and ends.end() == len(data)


def _frame(header: bytes, total: int) -> tuple[int, int] | None:
    """Return height and width from a frame header (T.81, B.2.2) without marker and length; None if `total` bytes are too few."""
    if len(header) != 15 or header[0] != 8 or header[5] != 3:
        return None
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    pixels = height * width
    return (height, width) if 0 < pixels <= min(MAX_PIXELS, total * PIXELS_A_BYTE) else None
