"""Recordings with sound and known people, as files: real footage where it is, and the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from capture.demo import DemoScene
from common.vision.arrays import BgrImage
from tests.bench.clips import pictures
from tests.bench.keyed import GREEN, WHITE, Colour, Truth, TruthOf, truth_of_mask
from tests.recordings import with_sound
from tests.shared import FOOTAGE, SIGNERS

DEMO_WH, DEMO_FPS, DEMO_S = (1280, 720), 30, 30
DANCER, TWO_PEOPLE = FOOTAGE / "davis2016" / "dance-twirl", FOOTAGE / "two-people-gif"
# what the decoded pictures differ by from what was drawn is nothing that a detector sees
NEARLY_LOSSLESS = {"preset": "veryfast", "crf": "10"}


class Clip(NamedTuple):
    """A recording, and what is known of the people in it.

    path: A file with pictures and sound.
    truth_of: What is in a frame, by its number.
    key: A colour that it has little of, as background.
    """

    path: Path
    truth_of: TruthOf
    key: Colour = GREEN


def again(folder: Path) -> Clip:
    """Somebody alone who signs; the webcam's own packets beside uncompressed sound."""
    return _signer("again", folder, "mkv", "pcm_s16le")


def milk(folder: Path) -> Clip:
    """The same person, with somebody's shoulder at the edge; beside AAC."""
    return _signer("milk", folder, "mp4", "aac")


def dance_twirl(folder: Path) -> Clip:
    """A dancer among spectators, who turns and is turned from the camera."""
    return Clip(_film(folder / "dance-twirl.mp4", dancer_frames(), 25, "aac"), masks_in(DANCER / "masks"))


def two_people(folder: Path) -> Clip:
    """Two people beside each other in an animated GIF, beside uncompressed sound; nobody has drawn their masks."""
    animated = next(path for path in sorted(TWO_PEOPLE.glob("*.gif")) if "female" in path.name)
    return Clip(_film(folder / "two-people.mov", pictures(animated), 12, "pcm_s16le"), lambda number: None)


def demo(folder: Path, size_wh: tuple[int, int] = DEMO_WH, seconds: float = DEMO_S) -> Clip:
    """The demo, in which somebody walks by behind the subject, and later stands before the subject's shoulder."""
    scene = DemoScene(*size_wh, DEMO_FPS)
    frames = (scene.frame(number) for number in range(round(seconds * DEMO_FPS)))

    def truth_of(number: int) -> Truth:
        masks = scene.masks(number)
        return Truth(masks.subject, ~masks.subject, masks.bystander)

    return Clip(_film(folder / "demo.mp4", frames, DEMO_FPS, "aac"), truth_of, WHITE)


CLIPS: dict[str, Callable[[Path], Clip]] = {"demo": demo}
if FOOTAGE.is_dir():
    CLIPS = {"again": again, "milk": milk, "dance-twirl": dance_twirl, "two-people-gif": two_people, **CLIPS}


def write_pictures(path: Path, frames: Iterable[BgrImage], rate: int) -> Path:
    """Write pictures (H, W, 3) of one size as H.264, nearly without loss. Returns the file's path."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=rate, options=NEARLY_LOSSLESS)
        assert isinstance(stream, VideoStream)
        stream.gop_size = rate
        for number, picture in enumerate(frames):
            if number == 0:
                stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], "yuv444p"
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def _film(path: Path, frames: Iterable[BgrImage], rate: int, codec: str) -> Path:
    silent = write_pictures(path.with_stem(f"silent-{path.stem}"), frames, rate)
    return with_sound(silent, path, codec)


def _signer(name: str, folder: Path, ending: str, codec: str) -> Clip:
    path = with_sound(SIGNERS / f"{name}.mkv", folder / f"{name}.{ending}", codec)
    return Clip(path, masks_in(signer_masks(name)))


def dancer_frames() -> Iterator[BgrImage]:
    """Yield the pictures of the dancer, (H, W, 3) uint8 BGR."""
    for path in sorted((DANCER / "frames").iterdir()):
        yield np.asarray(cv2.imread(str(path)), np.uint8)


def signer_masks(name: str) -> Path:
    """Return the folder of the masks of somebody who signs."""
    return SIGNERS / "reference" / name / "masks"


def masks_in(folder: Path) -> TruthOf:
    """Return what drawn masks say, which are named by the number of the frame."""
    paths = {int(path.stem): path for path in folder.glob("*.png")}

    @cache
    def truth_of(number: int) -> Truth | None:
        if number not in paths:
            return None
        mask = np.asarray(cv2.imread(str(paths[number]), cv2.IMREAD_GRAYSCALE), np.uint8)
        return truth_of_mask(mask, mask.shape[::-1])

    return truth_of
