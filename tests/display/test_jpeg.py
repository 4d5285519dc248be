from __future__ import annotations

import contextlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.ipc.messages import MAX_PIXELS
from display.jpeg import PIXELS_A_BYTE, size_of


def jpeg(height: int, width: int, *options: int, kind: str = ".jpg", channels: int = 3) -> bytes:
    made: bytes = cv2.imencode(kind, np.zeros((height, width, channels), np.uint8), list(options))[1].tobytes()
    return made


def saying(height: int, width: int, data: bytes) -> bytes:
    """Return `data` with another size in its header."""
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[at + 9 :]


@pytest.mark.parametrize("quality", [10, 80, 100])
@pytest.mark.parametrize("size", [(1, 1), (120, 160), (719, 1279), (4320, 8192)])
def test_the_size_of_a_relayed_jpeg_is_read_from_its_header(size: tuple[int, int], quality: int) -> None:
    """The picture is black: no other has fewer bytes a pixel."""
    assert size_of(jpeg(*size, cv2.IMWRITE_JPEG_QUALITY, quality)) == size


def test_metadata_before_the_frame_header_is_skipped() -> None:
    data = jpeg(12, 16)
    assert size_of(data[:2] + b"\xff\xe1\x00\x08Exif\0\0" + data[2:]) == (12, 16)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", jpeg(12, 16, kind=".png"), jpeg(12, 16, kind=".bmp"),
        jpeg(12, 16, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), jpeg(12, 16, channels=1),
        jpeg(12, 16)[:-2], jpeg(12, 16) + b"\0", jpeg(12, 16)[1:], b"\xff\xd8" + bytes(700) + b"\xff\xd9",
        saying(0, 16, jpeg(12, 16)), saying(12, 0, jpeg(12, 16)),
        saying(4096, 16383, jpeg(64, 64)), saying(8192, 8192, jpeg(4320, 8192)),
        jpeg(12, 16).replace(b"\xff\xdb", b"\xff\xc0", 1), jpeg(12, 16).replace(b"\xff\xdb\x00", b"\xff\xdb\xff", 1),
        jpeg(12, 16).replace(b"\xff\xe0\x00\x10", b"\xff\xe0\x00\x00", 1), jpeg(12, 16).replace(b"\xff\xe0", b"\xff\xc2", 1),
    ],
)  # fmt: skip
def test_other_data_is_refused(data: bytes) -> None:
    assert size_of(data) is None


def test_two_frame_headers_are_refused() -> None:
    data = jpeg(12, 16)
    at = data.index(b"\xff\xc0")
    assert size_of(data[:at] + data[at : at + 19] + data[at:]) is None


def scan(component: int, table: int) -> bytes:
    """Return the header of a scan of one component, without the data of the scan."""
    return bytes([0xFF, 0xDA, 0, 8, 1, component, table, 0, 63, 0])


@pytest.mark.parametrize("number", [1, 3, 1000])
def test_many_empty_scans_are_refused(number: int) -> None:
    data = jpeg(12, 16)
    head = data[: data.index(b"\xff\xda")]
    assert size_of(head + scan(1, 0x00) * number + b"\xff\xd9") is None
    assert size_of(data[:-2] + scan(1, 0x00) * number + b"\xff\xd9") is None


def test_restart_markers_do_not_end_a_scan_and_data_after_the_end_is_refused() -> None:
    data = jpeg(120, 160, cv2.IMWRITE_JPEG_RST_INTERVAL, 4)
    assert b"\xff\xd0" in data[data.index(b"\xff\xda") :]
    assert size_of(data) == (120, 160)
    assert size_of(data + data) is None
    assert size_of(data + b"hidden" + data[-2:]) is None


@settings(deadline=None)  # how long an example takes depends on how busy the machine is
@given(st.binary(max_size=200), st.integers(0, 700))
def test_no_data_gives_a_size_that_it_cannot_hold(garbage: bytes, at: int) -> None:
    data = jpeg(12, 16)
    for tried in (garbage, data[:at] + garbage + data[at:], data[:at] + garbage + data[at + len(garbage) :]):
        found = size_of(tried)
        if found is not None:
            assert 0 < found[0] * found[1] <= min(MAX_PIXELS, PIXELS_A_BYTE * len(tried))
            with contextlib.suppress(cv2.error):
                decoded = cv2.imdecode(np.frombuffer(tried, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
                assert decoded is None or decoded.shape == (*found, 3)
