"""Reads and sets environment variables. No other module does."""

from __future__ import annotations

import os


def variables() -> dict[str, str]:
    """Return all environment variables."""
    return dict(os.environ)


def process_name(stage: str) -> str:
    """Return honcho's name of this process, such as "infer.2", or `stage` where honcho did not start it."""
    return os.environ.get("HONCHO_PROCESS_NAME", stage)


def under_honcho() -> bool:
    """Return True if honcho started this process."""
    return "HONCHO_PROCESS_NAME" in os.environ


def has_screen() -> bool:
    """Return True if the environment names an X or Wayland display. It may still not answer."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def runtime_folder() -> str | None:
    """Return the user's folder for files of the login session, or None."""
    return os.environ.get("XDG_RUNTIME_DIR")


def quieten_svt_av1() -> None:
    """Have the encoder of AV1 log errors only: it writes a page on standard error for each film."""
    os.environ.setdefault("SVT_LOG", "1")
