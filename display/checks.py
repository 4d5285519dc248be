"""What `python -m common.doctor` checks for display: whether a window can be opened."""

from __future__ import annotations

from common.findings import Finding, Level
from display.screen import window_unavailable_reason
from display.settings import DisplaySettings


def checks(settings: DisplaySettings) -> list[Finding]:
    """Check that a window can be opened."""
    if why := window_unavailable_reason():
        return [Finding("screen", Level.NOTE, why, "without it the call is shown on a page in the browser")]
    return [Finding("screen", Level.OK, "a window opens")]
