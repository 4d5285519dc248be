from __future__ import annotations

import struct

from display.sinks.spa_pod import (
    CHOICE,
    ENUM_FORMAT,
    FORMAT_OBJECT,
    OBJECT,
    RAW,
    VIDEO,
    Layout,
    buffers_wanted,
    chosen_format,
    format_offer,
    header_wanted,
)

YUY2 = 4


def test_an_offer_is_an_object_of_plain_values() -> None:
    """As spa_format_video_raw_build writes it, word for word."""
    expected = [
        128, OBJECT, FORMAT_OBJECT, ENUM_FORMAT,
        1, 0, 4, 3, VIDEO, 0,
        2, 0, 4, 3, RAW, 0,
        0x20001, 0, 4, 3, YUY2, 0,
        0x20003, 0, 8, 10, 1280, 720,
        0x20004, 0, 8, 11, 30, 1,
    ]  # fmt: skip
    offer = format_offer(YUY2, (1280, 720), 30)
    assert list(struct.unpack(f"{len(offer) // 4}I", offer)) == expected
    assert chosen_format(offer) == YUY2


def test_the_chosen_format_is_found_where_it_is_a_choice_of_one() -> None:
    """PipeWire 0.3 wraps what two sides agreed on; a node that did not see it took no buffers."""
    plain = format_offer(YUY2, (64, 64), 30)
    body = struct.pack("IIIIII", FORMAT_OBJECT, ENUM_FORMAT, 1, 0, 20, CHOICE) + struct.pack(
        "IIIIII", 0, 0, 4, 3, VIDEO, 0
    )
    body += struct.pack("IIII", 0x20001, 0, 20, CHOICE) + struct.pack("IIIIII", 0, 0, 4, 3, YUY2, 0)
    assert chosen_format(struct.pack("II", len(body), OBJECT) + body) == YUY2
    assert chosen_format(plain[:40]) is None, "no video format is stated"


def test_every_object_says_its_own_size() -> None:
    for pod in (format_offer(YUY2, (64, 64), 30), buffers_wanted(Layout(8192, 128)), header_wanted()):
        assert struct.unpack_from("I", pod)[0] + 8 == len(pod) and len(pod) % 8 == 0
