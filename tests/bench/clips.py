"""Footage at the size, and with the number of people, that a figure is asked for: the real webcam clip where it is, else the
demo."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.demo import DemoScene, Place, Places, sways
from tests.shared import SIGNERS

Picture = NDArray[np.uint8]
AGAIN = SIGNERS / "again.mkv"
FPS = 30
MOST_FRAMES = 300  # of a clip, which begins again
DEMO_FRAMES = 60
NOISE = 3.0  # grey levels
MEETING_FRAMES = 2700  # of the demo
# clips of one person alone but for a shoulder, and beside somebody's face
SIGNED, BESIDE = ("thanks", "sorry", "milk"), ("please", "bird")
STILL_FRAMES, SLOW = 5, 6  # pictures of somebody who hardly moves, each shown so many times
APART = 15  # frames between one tile and the next: people who move alike would be no people
# tiles across and down; where there are more than people the last ones stay black
GRIDS = {1: (1, 1), 2: (2, 1), 3: (3, 1), 4: (2, 2), 5: (3, 2), 6: (3, 2), 7: (4, 2), 8: (4, 2)}


def footage() -> str:
    """What the clips are made of, for a title."""
    return "real footage" if AGAIN.is_file() else "the demo"


def pictures(clip: Path) -> Iterator[Picture]:
    """Every picture of a video, (H, W, 3) uint8 BGR; of the demo's beginning where there is no such file."""
    if not clip.is_file():
        scene = DemoScene(640, 480, FPS)
        yield from (scene.frame(index) for index in range(DEMO_FRAMES))
        return
    video = cv2.VideoCapture(str(clip))
    while (item := video.read())[0]:
        yield np.asarray(item[1], np.uint8)
    video.release()


def scaled(clip: Path, size_wh: tuple[int, int], folder: Path) -> Path:
    """The beginning of a clip stretched to another size, written into `folder`."""
    stretched = (cv2.resize(p, size_wh, interpolation=cv2.INTER_CUBIC) for p in islice(pictures(clip), MOST_FRAMES))
    return _write(folder / f"{clip.stem}-{size_wh[1]}.avi", size_wh, stretched)


def calm(size_wh: tuple[int, int], folder: Path) -> Path:
    """The demo's subject alone, breathing and swaying, through a sensor's noise, written into `folder`."""
    scene, noise = DemoScene(*size_wh, FPS, alone), np.random.default_rng(1)
    seen = (scene.frame(k) + noise.normal(0, NOISE, (size_wh[1], size_wh[0], 3)) for k in range(MOST_FRAMES))
    return _write(folder / "calm.avi", size_wh, (np.clip(p, 0, 255).astype(np.uint8) for p in seen))


def meeting(size_wh: tuple[int, int], folder: Path) -> Path:
    """A minute and a half of a real call, written into `folder`: somebody who hardly moves, then signs, is calm again, and has
    somebody else's face beside; the demo where there is no footage."""
    if not AGAIN.is_file():
        scene = DemoScene(*size_wh, FPS)
        return _write(folder / "meeting.avi", size_wh, (scene.frame(index) for index in range(MEETING_FRAMES)))
    noise, clips = np.random.default_rng(1), {name: list(pictures(SIGNERS / f"{name}.mkv")) for name in SIGNED + BESIDE}

    def seen() -> Iterator[Picture]:
        still = clips[SIGNED[0]][:STILL_FRAMES]
        there_and_back = [*still, *still[::-1]]
        for calm_s, names in ((40, SIGNED), (20, BESIDE)):
            yield from (there_and_back[k // SLOW % len(there_and_back)] for k in range(calm_s * FPS))
            yield from (picture for name in names * 2 for picture in clips[name])

    noisy = (
        cv2.resize(p, size_wh, interpolation=cv2.INTER_CUBIC) + noise.normal(0, NOISE, (*size_wh[::-1], 3))
        for p in seen()
    )
    return _write(folder / "meeting.avi", size_wh, (np.clip(p, 0, 255).astype(np.uint8) for p in noisy))


def alone(seconds: float, wide: float) -> Places:
    """A course of which the second person never comes in."""
    return Places(sways(seconds), Place(-wide, 1.0))


def tiles(people: int, size_wh: tuple[int, int], clip: Path = AGAIN) -> Iterator[Picture]:
    """The same person so many times beside each other, every tile at another moment of the clip."""
    across, down = GRIDS[people]
    wide, high = size_wh[0] // across, size_wh[1] // down
    of = list(islice(pictures(clip), MOST_FRAMES))
    for index in range(len(of)):
        whole = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
        for n in range(people):
            x, y = n % across * wide, n // across * high
            whole[y : y + high, x : x + wide] = _cut(of[(index + n * APART) % len(of)], wide, high)
        yield whole


def tiled(people: int, size_wh: tuple[int, int], folder: Path) -> Path:
    """The same as a clip, written into `folder`."""
    return _write(folder / f"people-{people}.avi", size_wh, tiles(people, size_wh))


def _cut(picture: Picture, wide: int, high: int) -> Picture:
    """The middle of a picture in another shape, scaled."""
    height, width = picture.shape[:2]
    scale = max(wide / width, high / height)
    cut_wh = (min(width, round(wide / scale)), min(height, round(high / scale)))
    x, y = (width - cut_wh[0]) // 2, (height - cut_wh[1]) // 2
    middle = picture[y : y + cut_wh[1], x : x + cut_wh[0]]
    return np.asarray(cv2.resize(middle, (wide, high), interpolation=cv2.INTER_CUBIC), np.uint8)


def _write(out: Path, size_wh: tuple[int, int], of: Iterator[Picture] | Iterator[np.ndarray]) -> Path:
    """Motion JPEG, as a webcam sends it."""
    video = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"MJPG"), FPS, size_wh)
    for picture in of:
        video.write(picture)
    video.release()
    return out
