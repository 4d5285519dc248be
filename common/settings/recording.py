"""Settings of a recording that several stages share: its pace, where it is, and where what was found in it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.settings.base import Settings, setting
from common.settings.validators import nonempty, one_of, path

LIVE, EVERY = "live", "every"  # of --pace


@dataclass(frozen=True)
class PaceSettings(Settings):
    """By which clock the stages work."""

    pace: str = setting(
        LIVE,
        one_of(LIVE, EVERY),
        "live: by the clock, and what is late is left out; every: a video file is read as fast as it can be judged, and every "
        "frame of it is written",
    )


@dataclass(frozen=True)
class SourceSettings(PaceSettings):
    """Where frames come from, and with --pace every the sound."""

    source: str = setting(
        "auto",
        nonempty,
        "auto (camera 0, else demo), a camera (camera:N, N, /dev/videoN or a link to it), demo, a video file, a folder of images, or an rtsp:// or http:// address. "
        "An address with a password is safer in .env or the environment, since ps shows flags to every user",
    )


@dataclass(frozen=True)
class ResultsSettings(PaceSettings):
    """Where results are kept."""

    results: Path | None = setting(
        None,
        path,
        "with --pace every: file that keeps what was found, so that an interrupted recording need not be looked at again",
    )
