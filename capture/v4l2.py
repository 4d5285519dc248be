"""Asks the Linux kernel what cameras offer (linux/videodev2.h): name, driver, formats, sizes and rates.

No camera is opened for streaming: a camera in use answers too, and no light goes on.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

# request numbers and layouts of videodev2.h, little-endian, 4-byte fields
QUERYCAP, CAPABILITY = 0x80685600, struct.Struct("<16s32s32s6I")
ENUM_FMT, FMTDESC = 0xC0405602, struct.Struct("<3I32s5I")
ENUM_FRAMESIZES, FRMSIZE = 0xC02C564A, struct.Struct("<11I")
ENUM_FRAMEINTERVALS, FRMIVAL = 0xC034564B, struct.Struct("<13I")
VIDEO_CAPTURE, VIDEO_OUTPUT, DEVICE_CAPS = 0x1, 0x2, 0x80000000
DISCRETE = 1
Ioctl = Callable[[int, int, bytearray], int]


class Mode(NamedTuple):
    """One format and size, and the highest rate it is offered at, frames a second (0.0 if the driver does not say)."""

    fourcc: str
    width: int
    height: int
    fps: float

    def __str__(self) -> str:
        return f"{self.fourcc} {self.width} x {self.height}" + (f" at {self.fps:g}" if self.fps else "")


class Device(NamedTuple):
    """One video device."""

    path: Path
    name: str
    driver: str
    captures: bool
    takes_output: bool
    modes: list[Mode]


def devices(folder: Path = Path("/dev"), ioctl: Ioctl = fcntl.ioctl) -> list[Device]:
    """Return every video device that answers, in the order of their numbers."""
    paths = sorted(folder.glob("video[0-9]*"), key=lambda path: int(path.name[5:]))
    return [device for path in paths if (device := _ask(path, ioctl)) is not None]


def _ask(path: Path, ioctl: Ioctl) -> Device | None:
    try:
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        data = bytearray(CAPABILITY.size)
        ioctl(fd, QUERYCAP, data)
        driver, card, _, _, capabilities, device_caps, *_ = CAPABILITY.unpack(data)
        flags = device_caps if capabilities & DEVICE_CAPS else capabilities
        captures = bool(flags & VIDEO_CAPTURE)
        modes = list(_modes(fd, ioctl)) if captures else []
        return Device(path, _text(card), _text(driver), captures, bool(flags & VIDEO_OUTPUT), modes)
    except OSError:
        return None
    finally:
        os.close(fd)


def _modes(fd: int, ioctl: Ioctl) -> Iterator[Mode]:
    for description in _listed(fd, ioctl, ENUM_FMT, FMTDESC, (VIDEO_CAPTURE,)):
        code = description[4]
        fourcc = struct.pack("<I", code).decode("ascii", "replace")
        for size in _listed(fd, ioctl, ENUM_FRAMESIZES, FRMSIZE, (code,)):
            # discrete: width, height; stepwise: least and greatest width, step, least and greatest height, step
            width, height = size[3:5] if size[2] == DISCRETE else (size[4], size[7])
            rates = [
                interval[6] / interval[5]
                for interval in _listed(fd, ioctl, ENUM_FRAMEINTERVALS, FRMIVAL, (code, width, height))
                if interval[5]
            ]
            yield Mode(fourcc, width, height, max(rates, default=0.0))


def _listed(
    fd: int, ioctl: Ioctl, request: int, layout: struct.Struct, fields: tuple[int, ...]
) -> Iterator[tuple[int, ...]]:
    """Yield entries 0, 1, … until the driver has no more (EINVAL). `fields` follow the index in the request."""
    for index in range(256):
        data = bytearray(layout.size)
        struct.pack_into(f"<{1 + len(fields)}I", data, 0, index, *fields)
        try:
            ioctl(fd, request, data)
        except OSError:
            return
        yield layout.unpack(data)


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("utf-8", "replace")
