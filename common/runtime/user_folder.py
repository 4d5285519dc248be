"""Knows where the user keeps what outlives a call: settings, and the image for the background."""

from __future__ import annotations

from pathlib import Path

from common.runtime.environment import variables


def expanded(path: str) -> Path:
    """Return a path with the user's home for its ~; as it is where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def user_folder() -> Path:
    """Return the folder of the user's own files for this program (XDG Base Directory Specification); it may not exist."""
    home = variables().get("XDG_CONFIG_HOME")
    return (Path(home) if home else expanded("~/.config")) / "onlyme"


def background_image() -> Path:
    """Return the file of the background image that the user uploaded; it may not exist."""
    return user_folder() / "background.png"
