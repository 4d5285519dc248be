"""Names cameras as people do, lists them, and says why one cannot be used."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from pathlib import Path

from capture.v4l2 import DEV, Device, device_at, devices, forbidden, links_to
from common.runtime.holders import holders_of_file
from common.runtime.install import LIST_COMMAND

MJPG, UNKNOWN_FORMAT = "MJPG", "unknown format"
NO_PERMISSION = "no permission to open it"
TO_GET_PERMISSION = "run usermod -aG video $USER as root, then log in again"


def camera_node(source: str, folder: Path = DEV) -> Path | None:
    """Return the device file that a value of `--source` names, None if it names no camera.

    `0`, `camera:0` and `/dev/video0` name the same camera. A link to it, such as /dev/v4l/by-id/usb-…, names it too, and is
    returned as it is: it leads to the same camera when that gets another number.
    """
    if match := re.fullmatch(r"(?:camera:)?(\d{1,3})", source):
        return folder / f"video{int(match[1])}"
    in_folder = source.startswith(f"{folder}/")
    is_named = source.startswith((f"{folder}/video", f"{folder}/v4l/"))
    return Path(source) if is_named or (in_folder and _is_char_device(Path(source))) else None


def _is_char_device(path: Path) -> bool:
    try:
        return path.is_char_device()
    except OSError:  # it may not be looked at, or its name is too long
        return False


def camera_number(node: Path) -> int | None:
    """Return the number of the video device that a device file or a link is, None if it is none."""
    match = re.fullmatch(r"video(\d{1,3})", node.resolve().name)
    return int(match[1]) if match else None


def camera_name(node: Path) -> str:
    """Return how messages call the camera at a device file: "camera:0", or the path if it has no number."""
    number = camera_number(node)
    return str(node) if number is None else f"camera:{number}"


def why_unusable(node: Path, folder: Path = DEV) -> str:
    """Return why no picture came from a device file: what is there instead of a camera that delivers, and what to do.

    A camera that another program has open is not refused for that: many may have it open, and one of them gets pictures.
    """
    if not node.exists():
        others = ", ".join(f"{camera_name(d.path)} ({d.name})" for d in devices(folder) if d.captures)
        return f"none there; {f'there is {others}' if others else 'plug one in'}"
    if not os.access(node, os.R_OK | os.W_OK):
        return f"{NO_PERMISSION}; {TO_GET_PERMISSION}"
    if camera_number(node) is not None and (holders := holders_of_file(node)):
        return f"one that {holders} uses; end that program"
    device = device_at(node)
    if device is None or not device.captures:
        return f"a device that is no camera; see {LIST_COMMAND}"
    return "none that delivers; check it"


def difference(asked: tuple[int, int, float, str], given: tuple[int, int, float, str]) -> str:
    """Return "" if a camera gives the format that it was asked for, else both in words.

    Args:
        asked: Width and height in pixels, frames a second, and the four characters of the pixel format.
        given: The same; the driver does not say a rate of 0 and an UNKNOWN_FORMAT.
    """
    has_rate = not given[2] or abs(given[2] - asked[2]) < 0.01 * asked[2]  # 30000/1001 is what is meant by 30
    if asked[:2] == given[:2] and has_rate and given[3] in (UNKNOWN_FORMAT, asked[3]):
        return ""
    return f"asked for {_in_words(*asked)}, given {_in_words(*given)}"


def _in_words(width: int, height: int, fps: float, fourcc: str) -> str:
    return f"{width} x {height}" + (f" at {fps:g}" if fps else "") + f" {fourcc}"


def listing(folder: Path = DEV) -> str:
    """Return the text of `--list`: every camera with its names, formats, sizes and rates, and who uses it."""
    blocks = [describe(device, folder) for device in devices(folder) if device.captures]
    blocks += [f"{camera_name(node)}  {NO_PERMISSION}; {TO_GET_PERMISSION}" for node in forbidden(folder)]
    return "\n".join(blocks) or "no camera is here; plug one in"


def describe(device: Device, folder: Path = DEV) -> str:
    """Return what there is to know about one camera, several lines."""
    holders = holders_of_file(device.path)
    lines = [f"{camera_name(device.path)}  {device.name} ({device.driver}){f', used by {holders}' if holders else ''}"]
    lines += [f"  {path}" for path in (device.path, *links_to(device.path, folder))]
    by_format: dict[str, list[str]] = defaultdict(list)
    for mode in device.modes:
        by_format[mode.fourcc].append(str(mode).removeprefix(f"{mode.fourcc} "))
    for fourcc, sizes in by_format.items():
        lines.append(f"  {fourcc}")
        lines += [f"    {size}" for size in sizes]
    return "\n".join(lines)
