"""`make camera`, `onlyme camera`: a call that meetings choose as a camera, with the page beside it as preview and control.

It says what this machine has of the two kinds of camera and how to get the other one, and what to choose in the meeting.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from typing import NamedTuple

from common.command import start
from common.errors import ConfigError
from common.findings import Level
from common.runtime.exit_codes import EXIT_USAGE
from common.runtime.install import CAMERA_COMMAND
from common.settings.loader import read_settings
from display.checks import check_pipewire
from display.settings import DisplaySettings
from display.virtual_cameras import LOAD, LOOPBACK, PIPEWIRE, VIRTUAL, loopback_cameras, where_to_choose

PROG = "onlyme camera"
PROCFILE = "Procfile.camera"
SINKS = {LOOPBACK: "camera", PIPEWIRE: "pipewire"}
DEV = Path("/dev")
TO_OPEN = "run usermod -aG video $USER as root, then log in again"


class Camera(NamedTuple):
    """A kind of camera on this machine.

    Attributes:
        name: What people choose, "" if there is none.
        lacks: What is missing and what to do about it, "" if nothing.
    """

    name: str
    lacks: str = ""


def loopback(wanted: str, virtual: Path = VIRTUAL, dev: Path = DEV, *, has_library: bool) -> Camera:
    """Return the virtual camera of the kernel that a call sends to.

    Args:
        wanted: Its device file, "" for the first.
        virtual: Folder in which the kernel lists virtual devices.
        dev: Folder of the device files.
        has_library: Whether pyvirtualcam is installed.
    """
    named = Path(wanted).resolve().name
    found = [
        (Path(path).name, name) for path, name in loopback_cameras(virtual) if not wanted or Path(path).name == named
    ]
    if not found:
        return Camera("", f"no device {wanted or 'is there'}: as root run {LOAD}")
    device, name = found[0]
    if not os.access(dev / device, os.R_OK | os.W_OK):
        return Camera("", f"no permission to open {dev / device}: {TO_OPEN}")
    if not has_library:
        return Camera("", f"no package pyvirtualcam: run {CAMERA_COMMAND}")
    return Camera(name)


def pipewire(name: str) -> Camera:
    """Return the camera that a call publishes in PipeWire under a name."""
    finding = check_pipewire()
    return Camera(name) if finding.level is Level.OK else Camera("", f"{finding.found}: {finding.hint}")


def choose(cameras: dict[str, Camera], asked: str | None) -> str:
    """Return the kind of camera that a call uses: the one that is asked for, else the first that is there.

    Raises:
        ConfigError: It is not there.
    """
    kinds = [asked] if asked else list(cameras)
    for kind in kinds:
        if cameras[kind].name:
            return kind
    lacks = "; ".join(f"{kind}: {cameras[kind].lacks}" for kind in kinds)
    raise ConfigError(f"expected {' or '.join(kinds)}, got none ({lacks})")


def main() -> None:
    """Run the command line; it becomes the call. Exit code 2 where there is no camera."""
    parser = argparse.ArgumentParser(prog=PROG, description="Start a call that meetings choose as a camera.")
    parser.add_argument("kind", nargs="?", choices=list(SINKS), help="the first that is there by default")
    asked = parser.parse_args().kind
    try:
        settings = read_settings(DisplaySettings, PROG, [])
        has_library = importlib.util.find_spec("pyvirtualcam") is not None
        cameras = {
            LOOPBACK: loopback(settings.camera, has_library=has_library),
            PIPEWIRE: pipewire(settings.camera_name),
        }
        kind = choose(cameras, asked)
    except ConfigError as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    for other, camera in cameras.items():
        print(f"{other}: {camera.name or camera.lacks}")
    print(f"In the meeting choose the {kind} camera, and open the page that is printed below:")
    for program, where in where_to_choose(kind, cameras[kind].name).items():
        print(f"  {program:<8}  {where}", flush=True)
    start([], PROCFILE, {"ONLYME_SINK": SINKS[kind]})


if __name__ == "__main__":
    main()
