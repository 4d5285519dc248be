"""Looks at and types into an X screen."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np


def xdotool(screen: str, *words: str) -> str:
    env = {**os.environ, "DISPLAY": screen}
    done = subprocess.run(["xdotool", *words], env=env, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def screenshot(screen: str) -> np.ndarray:
    """(H, W, 3) uint8 BGR of the whole screen, from xwd's dump (header size and geometry are big-endian words)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "screen.xwd"
        dump = ["xwd", "-root", "-silent", "-display", screen, "-out", str(path)]
        # xwd asks for each window of its list: one that a window manager takes up or away meanwhile fails the dump
        if not any(subprocess.call(dump) == 0 for _ in range(10)):
            raise RuntimeError(f"xwd cannot dump the screen {screen}")
        data = path.read_bytes()
    words = np.frombuffer(data[:100], ">u4")
    header, width, height, bits, line, colours = (int(words[i]) for i in (0, 4, 5, 11, 12, 19))
    pixels = np.frombuffer(data[header + colours * 12 :], np.uint8)[: height * line].reshape(height, line)
    return np.ascontiguousarray(pixels[:, : width * bits // 8].reshape(height, width, bits // 8)[..., :3])


def detail(picture: np.ndarray) -> float:
    """How much fine pattern a picture holds: mean absolute Laplacian."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean())
