"""Finds the virtual cameras of this machine, which a meeting can choose, and says how to get one."""

from __future__ import annotations

from pathlib import Path

LOAD = "apt-get install v4l2loopback-dkms, then modprobe v4l2loopback exclusive_caps=1 card_label=onlyme"  # as root
VIRTUAL = Path("/sys/devices/virtual/video4linux")  # where Linux lists cameras that no hardware stands behind


def virtual_cameras(folder: Path = VIRTUAL) -> list[tuple[str, str]]:
    """Return device and name of each virtual camera, such as ("/dev/video9", "onlyme"), in the order of their numbers."""
    found = []
    for device in sorted(folder.glob("video*"), key=lambda path: (len(path.name), path.name)):
        try:
            found.append((f"/dev/{device.name}", (device / "name").read_text(errors="replace").strip()))
        except OSError:  # it was just removed
            continue
    return found
