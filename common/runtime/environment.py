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


def in_desktop_session() -> bool:
    """Return True if this process belongs to a desktop session of the user; a login from elsewhere (ssh -X) is none."""
    return has_screen() and bool(os.environ.get("XDG_CURRENT_DESKTOP")) and not os.environ.get("SSH_CONNECTION")


def runtime_folder() -> str | None:
    """Return the user's folder for files of the login session, or None."""
    return os.environ.get("XDG_RUNTIME_DIR")


def refuse_telemetry() -> None:
    """Have ONNX Runtime send nothing and keep no number of this machine, in this process and in those that it starts.

    It reads this when it is loaded. Its function that disables telemetry comes too late: by then the number is kept.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
