"""Whether a window can be opened here."""

from __future__ import annotations

import os

import cv2

from common.environment import has_screen


def why_no_window() -> str:
    """ "" where a window can be opened, else what is missing.

    OpenCV's window ends the whole process where the screen does not answer, so a child tries first.
    """
    if not has_screen():
        return "expected a screen, got neither DISPLAY nor WAYLAND_DISPLAY"
    if "GUI:                           NONE" in cv2.getBuildInformation():
        return "expected an OpenCV with windows, got the headless build (its system libraries are missing: `make setup` names them)"
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        try:
            cv2.namedWindow("onlyme")
            cv2.destroyAllWindows()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    return "" if status == 0 else "expected a screen that answers, got none at DISPLAY or WAYLAND_DISPLAY"
