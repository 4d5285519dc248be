"""Real footage at the size that a figure is asked for."""

from __future__ import annotations

from pathlib import Path

import cv2


def scaled(clip: Path, size_wh: tuple[int, int], folder: Path) -> Path:
    """A clip stretched to another size, Motion JPEG as a webcam sends it, written into `folder`."""
    read = cv2.VideoCapture(str(clip))
    out = folder / f"{clip.stem}-{size_wh[1]}.avi"
    write = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"MJPG"), read.get(cv2.CAP_PROP_FPS), size_wh)
    while (item := read.read())[0]:
        write.write(cv2.resize(item[1], size_wh, interpolation=cv2.INTER_CUBIC))
    write.release()
    read.release()
    return out
