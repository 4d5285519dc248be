"""What detectors find in the situations of tests/people.py, kept on disk: a second run looks at nothing twice.

A look is told by the picture and by the code that looked, so nothing outlives a change of either.
"""

from __future__ import annotations

import hashlib
import math
import statistics
import time
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from common.ipc.codec import decode, encode
from common.ipc.messages import MasksInferred
from common.ipc.records import Instance
from common.vision.assets import cache_dir
from infer.combined_detector import CombinedDetector
from infer.detector_protocol import Detector
from infer.embedded.detector import EmbeddedDetector
from infer.mask_rcnn import MaskRcnn
from infer.settings import InferSettings
from tests.people import FPS, Looks, scene_of
from tests.shared import MASK_RCNN, ROOT

SIZE_WH = (1280, 720)  # of the pictures that a call looks at
WAY = 1  # frames that a result takes besides the look
TIMED = 5  # looks from which the rate is measured


def _mask_rcnn() -> MaskRcnn:
    return MaskRcnn(InferSettings(mask_rcnn=MASK_RCNN))


DETECTORS: dict[str, Callable[[], Detector]] = {
    "embedded": lambda: EmbeddedDetector(InferSettings().confidence),
    "Mask R-CNN": _mask_rcnn,
    "both": lambda: CombinedDetector(_mask_rcnn(), InferSettings().threshold, InferSettings().confidence),
}


class KeptLooks:
    """One detector's looks.

    Args:
        kind: Of DETECTORS. It is opened where there is something to look at.
        folder: Where looks are kept, the user's cache folder if None.
    """

    def __init__(self, kind: str, folder: Path | None = None) -> None:
        self._open = DETECTORS[kind]
        self._detector: Detector | None = None
        self._folder = (cache_dir() / "looks" if folder is None else folder) / f"{kind.replace(' ', '-')}-{code_sum()}"
        self._folder.mkdir(parents=True, exist_ok=True)

    def at(self, picture: NDArray[np.uint8]) -> MasksInferred:
        """What is in a picture (H, W, 3) uint8 BGR; `inference_ns` is the CPU time of one thread."""
        path = self._folder / hashlib.blake2b(picture.tobytes(), digest_size=16).hexdigest()
        if path.is_file():
            kept = decode(zlib.decompress(path.read_bytes()))
            assert isinstance(kept, MasksInferred)
            return kept
        if self._detector is None:
            self._detector = self._open()
            self._detector.detect(picture)  # the first look takes longer
        begun_ns = time.process_time_ns()
        found = self._detector.detect(picture)
        result = MasksInferred(1, 0, 1, time.process_time_ns() - begun_ns, "w", "m", found)
        unfinished = path.with_suffix(f".{time.monotonic_ns()}")
        unfinished.write_bytes(zlib.compress(encode(result), 1))
        unfinished.replace(path)
        return result


@cache
def kept_looks(kind: str) -> KeptLooks:
    """A detector, opened once."""
    return KeptLooks(kind)


def looked(kind: str, situation: str, seed: int) -> Looks:
    """A detector's looks at a scene, as often and as late as one thread has them."""
    kept, scene = kept_looks(kind), scene_of(situation, seed, SIZE_WH)

    def at(index: int) -> tuple[Instance, ...]:
        return kept.at(scene.frame(index)).instances

    every = frames_of(kind)
    return Looks(at, every, every + WAY)


@cache
def frames_of(kind: str) -> int:
    """Frames that one look takes, the median over pictures of one and of two people, whole."""
    kept, scene = kept_looks(kind), scene_of("touching", 0, SIZE_WH)
    took_ns = [kept.at(scene.frame(index * 24)).inference_ns for index in range(TIMED)]
    return max(1, math.ceil(statistics.median(took_ns) * FPS / 1e9))


@cache
def code_sum() -> str:
    """A sum over the code and settings that a look depends on."""
    found = hashlib.blake2b(cv2.__version__.encode(), digest_size=8)
    for path in sorted([*ROOT.glob("infer/**/*.py"), *ROOT.glob("common/**/*.py")]):
        found.update(path.read_bytes())
    return found.hexdigest()
