"""Knows where the user keeps what outlives a call: settings, and the image for the background."""

from __future__ import annotations

import os
from pathlib import Path

from common.runtime.environment import variables


def user_folder() -> Path:
    """Return the folder of the user's own files for this program (XDG Base Directory Specification); it may not exist."""
    home = variables().get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111 - Path's own raises for a user without a home folder
    return Path(home) / "onlyme"


def background_image() -> Path:
    """Return the file of the background image that the user uploaded; it may not exist."""
    return user_folder() / "background.png"
