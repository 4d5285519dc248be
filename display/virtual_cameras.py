"""Finds the virtual cameras that a meeting can choose, and says how to get one and where each program lets one choose it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from common.metrics.metrics import read_samples

LOOPBACK, PIPEWIRE = "v4l2loopback", "pipewire"  # the first is what every program can choose
CAMERA_NAME = "onlyme"  # what the documentation has people call theirs
LOAD = "apt-get install v4l2loopback-dkms, then modprobe v4l2loopback exclusive_caps=1 card_label=onlyme"  # as root
VIRTUAL = Path("/sys/devices/virtual/video4linux")  # where Linux lists cameras that no hardware stands behind
# kind → program → where it lets one choose {name}, or what it needs for that
WHERE = {
    LOOPBACK: {
        "Zoom": "Settings > Video > Camera: {name}",
        "Meet": "More options > Settings > Video > Camera: {name}",
        "Teams": "Settings > Devices > Camera: {name}",
        "OBS": "Sources > + > Video Capture Device (V4L2) > Device: {name}",
    },
    PIPEWIRE: {
        "Zoom": "its program reads no cameras from PipeWire: join in a browser, or use v4l2loopback",
        "Meet": "in a browser, More options > Settings > Video > Camera: {name}",
        "Teams": "in a browser, Settings > Devices > Camera: {name}",
        "OBS": "Sources > + > Video Capture Device (PipeWire) > Device: {name}",
        "Firefox": "needs media.webrtc.camera.allow-pipewire in about:config",
        "Chromium": "needs chrome://flags/#enable-webrtc-pipewire-camera",
    },
}


class VirtualCamera(NamedTuple):
    """A camera that a meeting can choose.

    Attributes:
        kind: LOOPBACK or PIPEWIRE.
        device: Its device file, or the name of its node.
        name: What people choose.
        is_fed: Whether a display of this call sends to it.
    """

    kind: str
    device: str
    name: str
    is_fed: bool


def loopback_cameras(folder: Path = VIRTUAL) -> list[tuple[str, str]]:
    """Return device and name of each virtual camera of the kernel, such as ("/dev/video9", "onlyme"), in the order of their numbers.

    Args:
        folder: Where the kernel lists them.
    """
    found = []
    for path in sorted(folder.glob("video*"), key=lambda path: (len(path.name), path.name)):
        try:
            found.append((f"/dev/{path.name}", (path / "name").read_text(errors="replace").strip()))
        except OSError:  # it was just removed
            continue
    return found


def virtual_cameras(run_dir: Path, folder: Path = VIRTUAL) -> list[VirtualCamera]:
    """Return the kernel's virtual cameras, then the PipeWire cameras of this call.

    Args:
        run_dir: Of the call.
        folder: Where the kernel lists its cameras.
    """
    fed = {
        (sample.labels["kind"], sample.labels["device"])
        for sample in read_samples(run_dir)
        if sample.name == "camera" and sample.value
    }
    kernels = [
        VirtualCamera(LOOPBACK, device, name, (LOOPBACK, device) in fed) for device, name in loopback_cameras(folder)
    ]
    return kernels + [VirtualCamera(kind, device, device, True) for kind, device in sorted(fed) if kind == PIPEWIRE]


def to_choose(cameras: Sequence[VirtualCamera]) -> VirtualCamera | None:
    """Return the camera that people should choose, None where there is none: one that this call sends to, else the one with the
    documentation's name, else the first."""
    return max(cameras, key=lambda camera: (camera.is_fed, camera.name == CAMERA_NAME), default=None)


def where_to_choose(kind: str, name: str) -> dict[str, str]:
    """Return by program where it lets one choose the camera `name` of a kind, or what it needs for that."""
    return {program: where.format(name=name) for program, where in WHERE[kind].items()}
