"""Cost of composing: blur against cv2.GaussianBlur, blend, alpha, JPEG, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from capture.demo import DemoScene
from common.ipc.messages import MasksInferred
from common.ipc.records import FrameInfo, Instance
from common.vision.arrays import BgrImage
from common.vision.assets import MATTE, fetch
from common.vision.pyramid import ImagePyramid
from common.vision.selfie_matte import Matte
from compose.loop import crop_of
from compose.picture import alpha
from compose.picture.blend import blend
from compose.picture.blur import blur, strength_of
from compose.picture.edge import Edge
from compose.picture.guided_edge import GuidedEdge
from compose.picture.matte_edge import MatteEdge, MattePace
from compose.picture.renderer import Renderer
from compose.policy import Decision, State
from compose.settings import ComposeSettings
from compose.who.tracker import Tracker
from infer.embedded.detector import EmbeddedDetector
from infer.settings import InferSettings
from tests.bench.baseline import paste
from tests.bench.table import print_table
from tests.bench.timing import medians_us
from tests.faults.worker import instance_of

ROUNDS = 40
FRAMES = range(60, 130)  # the second person comes near and passes behind
KERNEL = 41  # the tutorial's
JPEG_QUALITY = 80
SIZES_WH = ((640, 480), (1280, 720), (1920, 1080), (3840, 2160))


def row_of(width: int, height: int) -> dict[str, object]:
    """Every step at one size, in turn; medians in ms."""
    picture = DemoScene(width, height, 30).frame(100)
    person = EmbeddedDetector(InferSettings().confidence).detect(picture)[0]
    who = alpha.of_instance(person, (width, height), 0.3, "soft")
    into, sigma = np.empty_like(picture), strength_of(0, (width, height)).sigma
    behind = blur(ImagePyramid(picture), sigma)
    work: dict[str, Callable[[], object]] = {
        "GaussianBlur": lambda: cv2.GaussianBlur(picture, (KERNEL, KERNEL), 0),
        "blur": lambda: blur(ImagePyramid(picture), sigma),
        "weighted blur": lambda: blur(ImagePyramid(picture), sigma, who),
        "alpha": lambda: alpha.of_instance(person, (width, height), 0.3, "soft"),
        "blend": lambda: blend(picture, who, into),
        "JPEG": lambda: cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)),
        "memcpy": lambda: np.copyto(into, picture),
    }
    took = {name: us / 1e3 for name, us in medians_us(work, ROUNDS).items()}
    return {
        "size": f"{width} x {height}",
        **{f"{name} ms": ms for name, ms in took.items()},
        **{f"{name} / GaussianBlur": took[name] / took["GaussianBlur"] for name in ("blur", "weighted blur")},
        **{f"{name} / memcpy": took[name] / took["memcpy"] for name in ("alpha", "blend", "JPEG")},
        "PSNR dB": float(cv2.PSNR(behind, cv2.GaussianBlur(picture, (0, 0), sigma))),
    }


def whole_of(width: int, height: int) -> dict[str, object]:
    """Everything compose does with a live frame, by `--refine`, p50 and p99 in ms, and the tutorial's blur and paste.

    Two people, exact results of every third frame, four frames late.
    """
    scene, network = DemoScene(width, height, 30), Matte(fetch(MATTE))
    into = np.empty((height, width, 3), np.uint8)
    taken: dict[str, list[float]] = {"none": [], "guided": [], "matte": []}
    tutorials: list[float] = []
    edges: dict[str, Edge | None] = {"none": None, "guided": GuidedEdge(), "matte": MatteEdge(network, MattePace())}
    for index in FRAMES:
        picture, person = scene.frame(index), truth(scene, index).instances[0]
        begun = time.perf_counter()
        paste(cv2.GaussianBlur(picture, (KERNEL, KERNEL), 0, into), picture, person)
        tutorials.append((time.perf_counter() - begun) * 1e3)
    for refine, times in taken.items():
        settings = ComposeSettings(refine=refine)
        tracker = Tracker(settings, edges[refine])
        renderer = Renderer(settings)
        subjects: tuple[Instance, ...] = ()
        for index in FRAMES:
            picture = scene.frame(index)
            frame = FrameInfo(1, index, index + 1, index, "s", index, height, width)
            of = index - 4
            result = truth(scene, of) if of >= FRAMES.start and of % 3 == 0 else None
            begun = time.perf_counter()
            pyramid = ImagePyramid(picture)
            tracker.update(frame, pyramid)
            subjects = tracker.apply(result).subjects if result else subjects
            tracker.refine(subjects)
            decision = Decision(State.LIVE, "", 100.0, subjects, 1.0, frame=(1, index))
            renderer.render(pyramid, frame, decision, tracker.alpha(), into)
            times.append((time.perf_counter() - begun) * 1e3)
    figures = {name: np.percentile(times[8:], [50, 99]).round(2).tolist() for name, times in taken.items()}
    base = float(np.median(tutorials))
    return {
        "size": f"{width} x {height}", "tutorial's ms": base, **{f"--refine {name} ms": ms for name, ms in figures.items()},
        **{f"{name} / tutorial's": ms[0] / base for name, ms in figures.items()},
    }  # fmt: skip


STYLES: dict[str, dict[str, Any]] = {
    "default": {},
    "--hide people": {"hide": "people"},
    "--follow": {"follow": True},
    "--feather 12 --margin -4": {"feather": 12.0, "margin": -4.0},
    "--background color": {"background": "color:00ff00"},
}


def styles_of(width: int, height: int) -> list[dict[str, object]]:
    """What each style adds to a live frame, in turn for each frame; medians in ms."""
    scene = DemoScene(width, height, 30)
    into = np.empty((height, width, 3), np.uint8)
    calls = [_Styled(ComposeSettings(**style)) for style in STYLES.values()]
    for index in FRAMES:
        picture, of = scene.frame(index), index - 4
        result = truth(scene, of) if of >= FRAMES.start and of % 3 == 0 else None
        for call in calls:
            call.compose(picture, index, result, into)
    took = [float(np.median(call.took_ms[20:])) for call in calls]
    return [
        {"size": f"{width} x {height}", "style": style, "ms": ms, "more ms": ms - took[0]}
        for style, ms in zip(STYLES, took, strict=True)
    ]


class _Styled:
    """Composes frames in one style, with the matte."""

    def __init__(self, settings: ComposeSettings) -> None:
        self._renderer = Renderer(settings)
        self._tracker = Tracker(settings, MatteEdge(Matte(fetch(MATTE)), MattePace()), self._renderer.chosen)
        self._subjects: tuple[Instance, ...] = ()
        self.took_ms: list[float] = []

    def compose(self, picture: BgrImage, index: int, result: MasksInferred | None, into: BgrImage) -> None:
        """Compose one frame."""
        height, width = picture.shape[:2]
        captured_ns = (index + 1) * 33_000_000
        frame = FrameInfo(1, index, captured_ns, index, "s", index, height, width)
        result = None if result is None else replace(result, captured_ns=(result.frame_id + 1) * 33_000_000)
        begun = time.perf_counter()
        pyramid = ImagePyramid(picture)
        self._tracker.update(frame, pyramid)
        if result is not None:
            self._subjects = self._tracker.apply(result).subjects
        self._tracker.refine(self._subjects)
        decision = Decision(State.LIVE, "", 100.0, self._subjects, 1.0, frame=(1, index))
        crop = crop_of(frame, decision, who := self._tracker.alpha(), self._renderer)
        self._renderer.render(pyramid, frame, decision, who, into, room=self._tracker.empty_room(), crop=crop)
        self.took_ms.append((time.perf_counter() - begun) * 1e3)


def truth(scene: DemoScene, index: int) -> MasksInferred:
    """The exact result of a frame."""
    masks = scene.masks(index)
    people = (instance_of(masks.subject, 0.9), instance_of(masks.bystander, 0.8))
    return MasksInferred(1, index, index + 1, 1, "w", "m", tuple(i for i in people if i is not None))


def main() -> None:
    """At several sizes, on one thread."""
    cv2.setNumThreads(1)
    rows = [row_of(*size_wh) for size_wh in SIZES_WH]
    print_table("composing, one thread, medians", rows)
    rows = [whole_of(*size_wh) for size_wh in SIZES_WH]
    print_table("a whole live frame, one thread, p50 and p99", rows)
    rows = [row for size_wh in SIZES_WH[1:3] for row in styles_of(*size_wh)]
    print_table("what each style costs, one thread, medians", rows)
