"""What `python -m common.doctor` checks for display: whether a window can be opened, and a PipeWire camera."""

from __future__ import annotations

from common.findings import Finding, Level
from display.screen import window_unavailable_reason
from display.settings import DisplaySettings
from display.sinks.pipewire import INSTALL, START
from display.sinks.pipewire_library import LIBRARY, is_running


def checks(settings: DisplaySettings) -> list[Finding]:
    """Check that a window can be opened, and a PipeWire camera."""
    return [check_screen(), check_pipewire()]


def check_screen() -> Finding:
    """Check that a window can be opened."""
    if why := window_unavailable_reason():
        return Finding("screen", Level.NOTE, why, "without it the call is shown on a page in the browser")
    return Finding("screen", Level.OK, "a window opens")


def check_pipewire() -> Finding:
    """Check that PipeWire is installed and runs."""
    try:
        if is_running():
            return Finding("PipeWire", Level.OK, "it runs: --sink pipewire is a camera without a kernel module")
    except (OSError, AttributeError) as error:
        return Finding("PipeWire", Level.NOTE, f"none ({error})", f"for --sink pipewire: {INSTALL}")
    return Finding("PipeWire", Level.NOTE, f"{LIBRARY} is here, but PipeWire does not run for this user", START)
