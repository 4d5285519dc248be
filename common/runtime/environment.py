"""The environment of this process; nobody else looks at it."""

from __future__ import annotations

import os


def variables() -> dict[str, str]:
    """All of it."""
    return dict(os.environ)


def quiet_ffmpeg() -> None:
    """Have FFmpeg say nothing on standard error before OpenCV loads it: it names addresses with their passwords.

    The variable is OpenCV's, the number AV_LOG_QUIET of libavutil/log.h. A user who has set it wants to read what FFmpeg says.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


def process_name(stage: str) -> str:
    """What honcho calls this process, such as "infer.2", else the stage's own name."""
    return os.environ.get("HONCHO_PROCESS_NAME", stage)


def under_honcho() -> bool:
    """True where honcho started this process."""
    return "HONCHO_PROCESS_NAME" in os.environ


def has_screen() -> bool:
    """True where an X or Wayland display is named; whether it answers is another matter."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def runtime_folder() -> str | None:
    """The user's own folder for what lives as long as the session, if there is one."""
    return os.environ.get("XDG_RUNTIME_DIR")
