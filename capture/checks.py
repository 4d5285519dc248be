"""What `python -m common.doctor` checks for capture: cameras, and shared memory for frames of the size that is asked of them.

The virtual camera that display writes to is checked here too, since one listing of the video devices tells both.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from capture.cameras import NO_PERMISSION, TO_GET_PERMISSION, camera_name, camera_node
from capture.settings import CaptureSettings
from capture.v4l2 import Device, Mode, devices, forbidden
from common.findings import Finding, Level
from common.ipc.ring_size import MIB, call_bytes, how_to_enlarge
from common.ipc.shm import SHM_FOLDER
from common.runtime.holders import holders_of_file
from common.runtime.install import LIST_COMMAND

OTHER_MODES = 6  # named beside the one that a call takes: the doctor's findings fit on a screen


def checks(settings: CaptureSettings) -> list[Finding]:
    """Check the video devices and shared memory. No camera is opened for streaming."""
    found = devices()
    return [check_cameras(found, settings, forbidden()), check_virtual_camera(found), check_memory(settings)]


def check_cameras(found: list[Device], settings: CaptureSettings, closed: Sequence[Path] = ()) -> Finding:
    """Check that there is a camera and that each offers the size and rate that the settings ask for.

    Args:
        found: Video devices that answer.
        settings: What a call will ask for.
        closed: Device files that this user may not open.
    """
    cameras = [device for device in found if device.is_camera]
    level = Level.FAIL if camera_node(settings.source) else Level.NOTE
    if not cameras and closed:
        which = ", ".join(map(camera_name, closed))
        return Finding("cameras", level, f"{which}: {NO_PERMISSION}", TO_GET_PERMISSION)
    if not cameras:
        return Finding("cameras", level, "none", "plug one in; until then --source auto plays the demo scene")
    wanted = f"{settings.width} x {settings.height}"
    described, lacking = [], False
    for camera in cameras:
        fitting = [m for m in camera.modes if m.offers(settings.width, settings.height)]
        best = max(fitting, key=lambda m: (m.fourcc == "MJPG", m.fps), default=None)
        lacking = lacking or best is None or (0 < best.fps < settings.fps)
        holders = holders_of_file(camera.path)
        used = f" (used by {holders})" if holders else ""
        described.append(f"{camera_name(camera.path)} {camera.name}{used}: {_modes(camera.modes, best, wanted)}")
    if not lacking:
        return Finding("cameras", Level.OK, "; ".join(described))
    hint = f"asked are {wanted} at {settings.fps:g}: set ONLYME_WIDTH, ONLYME_HEIGHT, ONLYME_FPS to one it has"
    return Finding("cameras", Level.NOTE, "; ".join(described), hint)


def _modes(modes: list[Mode], best: Mode | None, wanted: str) -> str:
    """Return the mode that a call takes, and others that there are, the largest first."""
    others = sorted({mode for mode in modes if mode != best}, key=lambda m: (m.width * m.height, m.fps), reverse=True)
    texts = [str(mode) for mode in others[:OTHER_MODES]]
    if len(others) > OTHER_MODES:
        texts.append(f"{len(others) - OTHER_MODES} more in {LIST_COMMAND}")
    if best:
        return ", also ".join(filter(None, (str(best), ", ".join(texts))))
    return f"no {wanted}, but {', '.join(texts) or 'nothing else'}"


def check_virtual_camera(found: list[Device]) -> Finding:
    """Check that there is a device which other programs take for a camera."""
    outputs = [device for device in found if device.takes_output]
    if outputs:
        return Finding("virtual camera", Level.OK, "; ".join(f"{d.path} {d.name} ({d.driver})" for d in outputs))
    hint = "apt-get install v4l2loopback-dkms; modprobe v4l2loopback exclusive_caps=1"
    return Finding("virtual camera", Level.NOTE, "none", hint)


def check_memory(settings: CaptureSettings, folder: Path = Path(SHM_FOLDER)) -> Finding:
    """Check that shared memory can be written, and that the rings of a call fit into it."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "shared memory", Level.FAIL, f"{folder} cannot be written", "mount a tmpfs there that you may write to"
        )
    usage = shutil.disk_usage(folder)
    shape = (settings.height, settings.width, 3)
    needed = call_bytes(shape)
    found = f"{usage.free / MIB:.0f} of {usage.total / MIB:.0f} MiB free in {folder}, {needed / MIB:.0f} needed"
    if usage.free < needed:
        return Finding("shared memory", Level.FAIL, found, how_to_enlarge(shape))
    return Finding("shared memory", Level.OK, found)
