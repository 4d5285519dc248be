"""The settings of capture."""

from __future__ import annotations

from dataclasses import dataclass

from common.settings.base import Settings, setting
from common.settings.validators import boolean, float_range, int_range, nonempty, one_of


@dataclass(frozen=True)
class CaptureSettings(Settings):
    """Where frames come from."""

    source: str = setting(
        "auto",
        nonempty,
        "auto (camera 0, else demo), a camera (camera:N, N, /dev/videoN or a link to it), demo, a video file, a folder of images, or an rtsp:// or http:// address. "
        "An address with a password is safer in .env or the environment, since ps shows flags to every user",
    )
    width: int = setting(1280, int_range(64, 16384), "width asked of a camera and drawn by demo, pixels")
    height: int = setting(720, int_range(64, 16384), "height asked of a camera and drawn by demo, pixels")
    fps: float = setting(
        30.0, float_range(0.5, 240), "rate asked of a camera, of demo and of a folder of images, per second"
    )
    play: str = setting(
        "loop", one_of("loop", "once"), "loop: play a file or folder again and again; once: end the call after it"
    )
    list_: bool = setting(
        False, boolean, "print the cameras with their formats, sizes and rates, and who uses them, and end", switch=True
    )
