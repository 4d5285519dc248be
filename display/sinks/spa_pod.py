"""Writes and reads what PipeWire's programs tell each other about formats and buffers: PODs (spa/pod/pod.h of libspa-0.2).

A POD is its size and its type, both uint32, and a body that is filled up to 8 bytes. Numbers are the ABI of PipeWire 0.3
and 1: spa/utils/type.h, spa/param/format.h, spa/param/buffers.h and spa/param/video/raw.h name them.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

ID, INT, RECTANGLE, FRACTION, OBJECT, CHOICE = 3, 4, 10, 11, 15, 19  # types of PODs
RANGE, FLAGS = 1, 4  # kinds of a choice
FORMAT_OBJECT, BUFFERS_OBJECT, META_OBJECT = 0x40003, 0x40004, 0x40005
ENUM_FORMAT, FORMAT, BUFFERS, META = 3, 4, 5, 6  # what a parameter is about
MEDIA_TYPE, MEDIA_SUBTYPE, VIDEO_FORMAT, VIDEO_SIZE, VIDEO_RATE = 1, 2, 0x20001, 0x20003, 0x20004
VIDEO, RAW = 2, 1  # values of the first two of these
CHOICE_BYTES = 16  # before the first value of a choice: its kind, its flags, size and type of a value
HEADER = 1  # the kind of metadata that holds a picture's time and number
HEADER_BYTES = 32
MEMORY_FD = 1 << 2  # a data type: memory that is shared by a file descriptor
FEWEST, MOST = 3, 8  # buffers: one that is filled, one that is taken, one that a slow consumer holds


class Layout(NamedTuple):
    """How a picture of a format lies in a buffer: bytes in all, and bytes a row of the first plane."""

    size: int
    stride: int


def format_offer(video_format: int, size_wh: tuple[int, int], fps: int) -> bytes:
    """Return the offer of one format. Every value is plain: browsers leave out offers that hold a choice."""
    return _object(
        FORMAT_OBJECT,
        ENUM_FORMAT,
        (MEDIA_TYPE, _pod(ID, struct.pack("I", VIDEO))),
        (MEDIA_SUBTYPE, _pod(ID, struct.pack("I", RAW))),
        (VIDEO_FORMAT, _pod(ID, struct.pack("I", video_format))),
        (VIDEO_SIZE, _pod(RECTANGLE, struct.pack("II", *size_wh))),
        (VIDEO_RATE, _pod(FRACTION, struct.pack("II", fps, 1))),
    )


def buffers_wanted(layout: Layout) -> bytes:
    """Return the wish for buffers that hold one picture each, in one block."""
    return _object(
        BUFFERS_OBJECT,
        BUFFERS,
        (1, _choice(RANGE, FEWEST, FEWEST, MOST)),
        (2, _int(1)),
        (3, _int(layout.size)),
        (4, _int(layout.stride)),
        (6, _choice(FLAGS, MEMORY_FD)),
    )


def header_wanted() -> bytes:
    """Return the wish for a header with each picture."""
    return _object(META_OBJECT, META, (1, _pod(ID, struct.pack("I", HEADER))), (2, _int(HEADER_BYTES)))


def chosen_format(pod: bytes) -> int | None:
    """Return the video format that the object in `pod` states, None if it states none."""
    at = 16  # behind size and type, and the type and id of the object
    while at + 16 <= len(pod):
        key, _, size, kind = struct.unpack_from("IIII", pod, at)
        if key == VIDEO_FORMAT:
            value = at + 16 + (CHOICE_BYTES if kind == CHOICE else 0)  # a choice of one value, where PipeWire made it
            return int(struct.unpack_from("I", pod, value)[0])
        at += 16 + _filled(size)
    return None


def _object(kind: int, about: int, *properties: tuple[int, bytes]) -> bytes:
    body = struct.pack("II", kind, about)
    return _pod(OBJECT, body + b"".join(struct.pack("II", key, 0) + value for key, value in properties))


def _choice(kind: int, *values: int) -> bytes:
    return _pod(CHOICE, struct.pack("IIII", kind, 0, 4, INT) + struct.pack(f"{len(values)}i", *values))


def _int(value: int) -> bytes:
    return _pod(INT, struct.pack("i", value))


def _pod(kind: int, body: bytes) -> bytes:
    return struct.pack("II", len(body), kind) + body.ljust(_filled(len(body)), b"\0")


def _filled(size: int) -> int:
    return (size + 7) // 8 * 8
