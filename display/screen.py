"""Whether a window can be opened here."""

from __future__ import annotations

import sys

import cv2

from common.runtime.environment import has_screen

TRY = "import cv2; cv2.namedWindow('onlyme'); cv2.destroyAllWindows()"
PATIENCE_S = 20.0


def why_no_window() -> str:
    """ "" where a window can be opened, else what is missing.

    OpenCV's window ends the whole process where the screen does not answer, so another one tries first: a fresh one, since
    a fork of this one would take over locks that its threads hold and nobody there lets go of.
    """
    if not has_screen():
        return "expected a screen, got neither DISPLAY nor WAYLAND_DISPLAY"
    if "GUI:                           NONE" in cv2.getBuildInformation():
        return "expected an OpenCV with windows, got the headless build (its system libraries are missing: `make setup` names them)"
    import subprocess  # where there is a screen, once

    try:
        subprocess.run([sys.executable, "-c", TRY], check=True, capture_output=True, timeout=PATIENCE_S)
    except subprocess.SubprocessError:
        return "expected a screen that answers, got none at DISPLAY or WAYLAND_DISPLAY"
    return ""
