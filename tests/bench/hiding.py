"""What of the scene's detail is left in composites, in multiples of what may be left: a table of blurs and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2

from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo
from compose.picture.blur import DEFAULT_SIGMA, LEAST_SIGMA, sigma_of
from tests.bench.table import print_table
from tests.faults.hiding import Picture, blurred, composed, edge_of, over
from tests.faults.oracle import LeakOracle
from tests.faults.scenes import PatternedScene

SIZES_WH = ((1280, 720), (1920, 1080), (3840, 2160))
FRAMES = (60, 200)  # the bystander stands beside the subject
WEAK_SIGMA = 1 / 50  # of the height
FORMER_KERNEL = 41  # pixels, at every size, before the blur was a share of the height


@dataclass(frozen=True)
class Hidden:
    """One frame hidden in one way: all of it, and all but the subject."""

    whole: Picture
    live: Picture


def hidings(scene: PatternedScene, index: int) -> Iterator[tuple[str, Hidden]]:
    """A frame as compose hides it by default and at least, and under blurs that are too weak."""
    picture, subject = scene.frame(index), scene.masks(index).subject
    height = scene.size_wh[1]
    for name, sigma in (("default", DEFAULT_SIGMA), ("floor", LEAST_SIGMA)):
        yield (
            f"{name}, 1/{1 / sigma:.0f}",
            Hidden(composed(picture, sigma * height), composed(picture, sigma * height, subject)),
        )
    opacity = edge_of(subject)
    for name, pixels in ((f"1/{1 / WEAK_SIGMA:.0f}", WEAK_SIGMA * height), ("kernel 41", sigma_of(FORMER_KERNEL))):
        yield name, Hidden(blurred(picture, pixels), over(picture, blurred(picture, pixels, opacity), opacity))


def rows_of(size_wh: tuple[int, int]) -> list[dict[str, object]]:
    """A row for each blur; the worst window of all frames."""
    scene = PatternedScene(*size_wh, 30)
    oracle = LeakOracle(scene, masks="exact")
    rows: dict[str, dict[str, object]] = {}
    for index in FRAMES:
        masks = scene.masks(index)
        strong = next(hidings(scene, index))[1].live
        only = {"bystander": edge_of(masks.bystander), "wall": edge_of(~(masks.subject | masks.bystander))}
        for name, hidden in hidings(scene, index):
            leaks = {
                part: _leak(oracle, index, "live", over(hidden.live, strong, where)) for part, where in only.items()
            }
            leaks["whole picture"] = _leak(oracle, index, "hidden", hidden.whole)
            row = rows.setdefault(name, {"size": f"{size_wh[0]} x {size_wh[1]}", "blur": name})
            row |= {part: max(leak, float(str(row.get(part, 0)))) for part, leak in leaks.items()}
    return list(rows.values())


def _leak(oracle: LeakOracle, index: int, state: str, picture: Picture) -> float:
    height, width = picture.shape[:2]
    return oracle.leak(
        picture, FrameComposed(FrameInfo(1, index, 1, index, "s", 0, height, width), 1, state, "", 0.0, True, "m")
    )


def main() -> None:
    """At several sizes: only the bystander, only the wall, and the whole picture under each blur."""
    cv2.setNumThreads(1)
    rows = [row for size_wh in SIZES_WH for row in rows_of(size_wh)]
    print_table(
        "detail left, of what may be left (over 1 is a leak); the rest of the picture under the default blur", rows
    )
