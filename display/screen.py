"""Finds out whether a window can be opened here."""

from __future__ import annotations

import subprocess
import sys

import cv2

from common.runtime.environment import has_screen
from common.runtime.install import SETUP_COMMAND

TRY = "import cv2; cv2.namedWindow('onlyme'); cv2.destroyAllWindows()"
PATIENCE_S = 20.0


def window_unavailable_reason(patience_s: float = PATIENCE_S) -> str:
    """Return "" if a window can be opened within `patience_s`, else what is missing.

    OpenCV ends the whole process if the screen does not answer, so another process tries first. That one is started
    afresh: a fork would inherit locks that threads of this process hold, and nothing there would release them.
    """
    if not has_screen():
        return "expected a screen, got neither DISPLAY nor WAYLAND_DISPLAY"
    if "GUI:                           NONE" in cv2.getBuildInformation():
        return f"expected an OpenCV with windows, got the headless build (its system libraries are missing: `{SETUP_COMMAND}` names them)"
    try:
        subprocess.run([sys.executable, "-c", TRY], check=True, capture_output=True, timeout=patience_s)
    except subprocess.SubprocessError:
        return "expected a screen that answers, got none at DISPLAY or WAYLAND_DISPLAY"
    return ""
