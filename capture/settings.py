"""The settings of capture."""

from __future__ import annotations

from dataclasses import dataclass

from common.settings.base import setting
from common.settings.recording import ResultsSettings, SourceSettings
from common.settings.validators import boolean, float_range, int_range, one_of


@dataclass(frozen=True)
class CaptureSettings(SourceSettings, ResultsSettings):
    """Where frames come from."""

    width: int = setting(1280, int_range(64, 16384), "width asked of a camera and drawn by demo, pixels")
    height: int = setting(720, int_range(64, 16384), "height asked of a camera and drawn by demo, pixels")
    fps: float = setting(
        30.0, float_range(0.5, 240), "rate asked of a camera, of demo and of a folder of images, per second"
    )
    play: str = setting(
        "loop", one_of("loop", "once"), "loop: play a file or folder again and again; once: end the call after it"
    )
    look_every: int = setting(
        3,
        int_range(1, 30),
        "with --pace every: people are looked for in every so many frames, and in one every 0.2 s at least",
    )
    on_demand: bool = setting(
        False,
        boolean,
        "open the source only while somebody looks at the call, and close it 5 s later: the camera's light goes off. With --pace "
        "every a recording is read whole all the same",
        switch=True,
    )
    list_: bool = setting(
        False, boolean, "print the cameras with their formats, sizes and rates, and who uses them, and end", switch=True
    )
