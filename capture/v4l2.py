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

DEV = Path("/dev")
# request numbers and layouts of videodev2.h, little-endian, 4-byte fields
QUERYCAP, CAPABILITY = 0x80685600, struct.Struct("<16s32s32s6I")
ENUM_FMT, FMTDESC = 0xC0405602, struct.Struct("<3I32s5I")
ENUM_FRAMESIZES, FRMSIZE = 0xC02C564A, struct.Struct("<11I")
ENUM_FRAMEINTERVALS, FRMIVAL = 0xC034564B, struct.Struct("<13I")
VIDEO_CAPTURE, VIDEO_OUTPUT, DEVICE_CAPS = 0x1, 0x2, 0x80000000
DISCRETE = 1
Ioctl = Callable[[int, int, bytearray], int]


class Mode(NamedTuple):
    """One format and size, and the rates it is offered at.

    Attributes:
        fourcc: Name of the pixel format, four characters.
        width: In pixels; of a range of sizes the greatest.
        height: In pixels; of a range of sizes the greatest.
        rates: Frames a second, the highest first; of a range the highest; empty if the driver does not say.
        is_range: Whether smaller sizes can be had as well.
    """

    fourcc: str
    width: int
    height: int
    rates: tuple[float, ...]
    is_range: bool = False

    @property
    def fps(self) -> float:
        """The highest rate, frames a second; 0.0 if the driver does not say."""
        return max(self.rates, default=0.0)

    def offers(self, width: int, height: int) -> bool:
        """Return whether frames of this size can be had, pixels."""
        if self.is_range:
            return width <= self.width and height <= self.height
        return (width, height) == (self.width, self.height)

    def __str__(self) -> str:
        size = f"{'up to ' if self.is_range else ''}{self.width} x {self.height}"
        return f"{self.fourcc} {size}" + (f" at {', '.join(f'{rate:g}' for rate in self.rates)}" if self.rates else "")


class Device(NamedTuple):
    """One video device."""

    path: Path
    name: str
    driver: str
    captures: bool
    takes_output: bool
    modes: list[Mode]

    @property
    def is_camera(self) -> bool:
        """Whether it delivers pictures of its own; False for a virtual camera, which passes on those of a program."""
        return self.captures and not self.takes_output


def devices(folder: Path = DEV, ioctl: Ioctl = fcntl.ioctl) -> list[Device]:
    """Return every video device that answers, in the order of their numbers."""
    return [device for path in _nodes(folder) if (device := device_at(path, ioctl)) is not None]


def forbidden(folder: Path = DEV) -> list[Path]:
    """Return the device files of video devices that this user may not open."""
    return [path for path in _nodes(folder) if not os.access(path, os.R_OK | os.W_OK) and path.exists()]


def links_to(device: Path, folder: Path = DEV) -> list[Path]:
    """Return the names by which a device is found whatever its number is: udev makes them from maker and serial number."""
    return sorted(link for link in (folder / "v4l" / "by-id").glob("*") if link.resolve() == device.resolve())


def _nodes(folder: Path) -> list[Path]:
    numbered = [path for path in folder.glob("video*") if path.name[5:].isdecimal()]
    return sorted(numbered, key=lambda path: int(path.name[5:]))


def device_at(path: Path, ioctl: Ioctl = fcntl.ioctl) -> Device | None:
    """Return the video device at a device file, None if none answers there."""
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
            is_range = size[2] != DISCRETE
            width, height = (size[4], size[7]) if is_range else size[3:5]
            # discrete: one interval each; stepwise: the shortest, the longest, and the step between two
            intervals = _listed(fd, ioctl, ENUM_FRAMEINTERVALS, FRMIVAL, (code, width, height))
            rates = {interval[6] / interval[5] for interval in intervals if interval[5]}
            yield Mode(fourcc, width, height, tuple(sorted(rates, reverse=True)), is_range)


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
