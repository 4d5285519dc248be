"""How exact the subject's edge is, by `--feather` and `--margin`; what halo is left on another background; and whether a subject
whom the picture's lower edge cuts reaches it.

Errors are those of image matting (Rhemann et al. 2009): the sum of absolute differences of the alpha, here as a share of the person's
area, its mean square and that of its gradient. The demo's alpha and colours are exact; of the webcam and the dancer masks are known,
without a soft edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.demo import DemoScene
from common.ipc.messages import MasksInferred
from common.ipc.records import FrameInfo, Instance
from common.vision.arrays import BgrImage, Mask, SoftMask
from common.vision.assets import MATTE, fetch
from common.vision.pyramid import ImagePyramid
from common.vision.selfie_matte import Matte
from compose.picture.alpha import Alpha, placed
from compose.picture.blend import blend
from compose.picture.decontamination import decontaminate, settle
from compose.picture.edge_shape import shape_edge
from compose.picture.matte_edge import MatteEdge, MattePace
from compose.settings import ComposeSettings
from compose.who.found import areas_of
from compose.who.selection import NEW_NS
from compose.who.tracker import Tracker
from tests.bench import keyed
from tests.bench.clips import FPS, NOISE, alone, pictures
from tests.bench.recording_clips import DANCER, dancer_frames, masks_in, signer_masks
from tests.bench.table import print_table
from tests.looks import KeptLooks
from tests.people import at_ns
from tests.shared import MASK_RCNN, SIGNERS

FEATHERS, MARGINS = (0.0, 3.0, 6.0, 12.0), (-4.0, -2.0, 0.0, 2.0, 4.0)
EVERY = LATE = 4  # frames from look to look, and until the result comes
DEMO_WH, DEMO_FRAMES = (1280, 720), 90
STARTS = 8  # frames, until the second result has come
# frames in which the first picture stands still before a clip plays: a subject that is new may not grow (compose/who/selection.py)
STILL = NEW_NS * FPS // 1_000_000_000 + STARTS
SCORED = {"demo": 10, "dance-twirl": 5}  # every so many frames, of clips of which every frame's truth is known
GRADIENT_SIGMA = 1.4  # pixels, of the gradient's error
BACKGROUNDS: dict[str, tuple[int, int, int]] = {"green": (0, 200, 0), "white": (240, 240, 240), "dark": (40, 30, 30)}
GAP_PX, STEP_PX = 2, 6  # a gap at the lower edge, and a step in the outline that the truth does not have, are larger
LOW = 1 / 9  # of the height: where the outline is looked at for steps
AT_SIDE = 3  # columns at a person's outline in the lowest row, which do not count: there the alpha is between

Grey = NDArray[np.float32]


class Truth(NamedTuple):
    """What is known of a frame.

    alpha: (H, W) float32, 0..1.
    known: (H, W) bool; where it is unknown it does not score.
    colour: (H, W, 3) float32, 0..255, premultiplied by alpha; None where nobody knows.
    """

    alpha: Grey
    known: Mask
    colour: NDArray[np.float32] | None = None


class Clip(NamedTuple):
    """Pictures at a rate, and what is known of some of them."""

    pictures: list[BgrImage]
    truth_of: Callable[[int], Truth | None]


class Found(NamedTuple):
    """The subject's edge in one frame, as it is found, and (h, w) uint8, more than 127 where others may be."""

    pyramid: ImagePyramid
    alpha: Alpha
    others: SoftMask
    truth: Truth


def demo() -> Clip:
    """The demo's subject alone, through a sensor's noise."""
    scene, noise = DemoScene(*DEMO_WH, FPS, alone), np.random.default_rng(1)
    seen = [scene.frame(k) + noise.normal(0, NOISE, (DEMO_WH[1], DEMO_WH[0], 3)) for k in range(DEMO_FRAMES)]

    def truth_of(number: int) -> Truth | None:
        if number % SCORED["demo"]:
            return None
        alpha, colour = np.zeros(DEMO_WH[::-1], np.float32), np.zeros((*DEMO_WH[::-1], 3), np.float32)
        for _, piece in scene._cast(number):
            alpha[piece.where] = piece.alpha / np.float32(255)
            colour[piece.where] = piece.weighted[..., :3]
        return Truth(alpha, np.ones(alpha.shape, np.bool_), colour)

    return Clip([np.clip(picture, 0, 255).astype(np.uint8) for picture in seen], truth_of)


def signer(name: str) -> Clip:
    """A webcam's clip with masks of some frames."""
    return Clip(list(pictures(SIGNERS / f"{name}.mkv")), _drawn(masks_in(signer_masks(name))))


def dancer() -> Clip:
    """Somebody who dances among spectators."""
    return Clip(list(dancer_frames()), _drawn(masks_in(DANCER / "masks"), SCORED["dance-twirl"]))


def _drawn(masks: keyed.TruthOf, every: int = 1) -> Callable[[int], Truth | None]:
    """What drawn masks say of every so many frames; where they are unsure it is unknown."""

    def truth_of(number: int) -> Truth | None:
        mask = None if number % every else masks(number)
        return None if mask is None else Truth(mask.person.astype(np.float32), mask.person | mask.background)

    return truth_of


CLIPS: dict[str, Callable[[], Clip]] = {"demo": demo}
if SIGNERS.is_dir():
    CLIPS |= {"again": lambda: signer("again"), "milk": lambda: signer("milk"), "dance-twirl": dancer}


def found_in(clip: Clip) -> Iterator[Found]:
    """The edge in every frame whose truth is known and in which the subject is shown."""
    looks, settings = KeptLooks("Mask R-CNN" if MASK_RCNN.is_dir() else "embedded"), ComposeSettings()
    tracker = Tracker(settings, MatteEdge(Matte(fetch(MATTE)), MattePace()))
    subjects: tuple[Instance, ...] = ()
    seen = [clip.pictures[0]] * STILL + clip.pictures
    for index, picture in enumerate(seen):
        height, width = picture.shape[:2]
        pyramid, of = ImagePyramid(picture), index - LATE
        tracker.update(FrameInfo(1, index, at_ns(index), index, "s", index, height, width), pyramid)
        if of >= 0 and of % EVERY == 0:
            found = looks.at(seen[of]).instances
            subjects = tracker.apply(MasksInferred(1, of, at_ns(of), 1, "w", "m", found)).subjects
        if not subjects:
            continue
        tracker.refine(subjects)
        truth = clip.truth_of(index - STILL) if index >= STILL + STARTS else None
        if truth is not None and tracker.alpha().opacity.size:
            others = areas_of(tracker._region.newest, subjects, settings.threshold, tracker._wh)[1]
            yield Found(pyramid, tracker.alpha(), others, truth)


def whole(who: Alpha, size_wh: tuple[int, int]) -> Grey:
    """The opacity of every pixel of a frame, (H, W) float32, 0..1."""
    return np.asarray(placed(who, size_wh) / np.float32(255), np.float32)


def errors(opacity: Grey, truth: Truth) -> dict[str, float]:
    """Errors of an alpha."""
    off = np.where(truth.known, opacity - truth.alpha, 0)
    area = float(truth.alpha[truth.known].sum())
    slope = np.where(truth.known, gradient(opacity) - gradient(truth.alpha), 0)
    return {
        "SAD %": 100 * float(np.abs(off).sum()) / area,
        "too much %": 100 * float(off[off > 0].sum()) / area,
        "too little %": -100 * float(off[off < 0].sum()) / area,
        "MSE e-3": 1e3 * float((off**2)[truth.known].mean()),
        "gradient %": 100 * float((slope**2).sum()) / area,
    }


def gradient(opacity: Grey) -> Grey:
    """Its absolute value, of the smoothed opacity, per pixel."""
    smooth = cv2.GaussianBlur(opacity, (0, 0), GRADIENT_SIGMA)
    return np.asarray(np.hypot(cv2.Sobel(smooth, -1, 1, 0, scale=1 / 8), cv2.Sobel(smooth, -1, 0, 1, scale=1 / 8)))


def colours_of(truth: Truth) -> NDArray[np.float32]:
    """The person's own colours, (H, W, 3) float32, and beyond their outline those of the nearest pixel of it."""
    assert truth.colour is not None
    sure = truth.alpha > 0.5
    _, labels = cv2.distanceTransformWithLabels(
        (~sure).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros(int(labels.max()) + 1, np.intp)
    nearest[labels[sure]] = np.flatnonzero(sure)
    own = (truth.colour / np.maximum(truth.alpha, 1 / 255)[..., None]).reshape(-1, 3)
    return np.asarray(own[nearest[labels]], np.float32)


class Halo(NamedTuple):
    """Mean distances of a composite over a colour, grey levels, without and with decontamination.

    old: Where it is an edge, from what the person's own colours would give with the same alpha: the old background.
    true: Where it or the truth is an edge, from the true composite: the alpha's error too.
    """

    old: float
    true: float


def halo(found: Found, who: Alpha, own: NDArray[np.float32], colour: tuple[int, int, int], *, clean: bool) -> Halo:
    """Return what is wrong with a composite over a colour; `own` are the person's colours."""
    truth = found.truth
    assert truth.colour is not None
    into = np.full_like(found.pyramid.picture, colour)
    if clean:
        who, near = settle(found.pyramid, who)
    blend(found.pyramid.picture, who, into)
    if clean:
        decontaminate(found.pyramid, who, near, into)
    opacity = whole(who, into.shape[1::-1])
    edge = (opacity > 0) & (opacity < 1)
    either = edge | ((truth.alpha > 0) & (truth.alpha < 1))
    over = np.array(colour, np.float32)
    ideal = opacity[edge][:, None] * own[edge] + (1 - opacity[edge])[:, None] * over
    true = truth.colour[either] + (1 - truth.alpha[either])[:, None] * over
    return Halo(float(np.abs(into[edge] - ideal).mean()), float(np.abs(into[either] - true).mean()))


def gap_and_step(opacity: Grey, truth: Truth) -> tuple[int, int] | None:
    """Rows between a subject and the picture's lower edge, the most of all columns in which the truth reaches it; and the largest
    step, in columns, of their outline from row to row near that edge that the truth's does not have; None where it does not cut them."""
    sharp, true = opacity > 0.5, truth.alpha > 0.5
    rows = round(LOW * len(true))
    inside = cv2.erode((true & truth.known)[-rows:].astype(np.uint8), np.ones((1, 2 * AT_SIDE + 1), np.uint8))
    columns = inside.all(0)
    if not columns.any():
        return None
    seen = sharp[:, columns]
    gap = np.where(seen.any(0), np.argmax(seen[::-1], axis=0), len(true))
    steps = [np.abs(np.diff(side(sharp[-rows:]))) - np.abs(np.diff(side(true[-rows:]))) for side in (_left, _right)]
    return int(gap.max()), int(np.max(steps))


def _left(area: Mask) -> NDArray[np.intp]:
    return np.asarray(np.where(area.any(1), np.argmax(area, axis=1), area.shape[1]), np.intp)


def _right(area: Mask) -> NDArray[np.intp]:
    return np.asarray(np.where(area.any(1), area.shape[1] - np.argmax(area[:, ::-1], axis=1), 0), np.intp)


def main() -> None:
    """All clips, by feather and margin; then the halo; then the lower edge."""
    shaped, halos, low = [], [], []
    for name, clip in CLIPS.items():
        of = list(found_in(clip()))
        size_wh = of[0].pyramid.picture.shape[1::-1]
        owns = [colours_of(one.truth) for one in of if one.truth.colour is not None]
        for feather, margin in product(FEATHERS, MARGINS):
            alphas = [shape_edge(one.alpha, feather, margin, size_wh, one.others) for one in of]
            each = [errors(whole(who, size_wh), one.truth) for who, one in zip(alphas, of, strict=True)]
            at = {"clip": name, "feather": feather, "margin": margin}
            clean = [settle(one.pyramid, who)[0] for one, who in zip(of, alphas, strict=True)]
            settled = [errors(whole(who, size_wh), one.truth) for who, one in zip(clean, of, strict=True)]
            figures = {key: float(np.mean([one[key] for one in each])) for key in each[0]}
            figures |= {f"{key}, clean": float(np.mean([one[key] for one in settled])) for key in ("SAD %", "MSE e-3")}
            shaped.append(at | figures)
            if owns:
                halos.append(at | _halos(of, alphas, owns))
        low.append({"clip": name} | _low([gap_and_step(whole(one.alpha, size_wh), one.truth) for one in of]))
    print_table(
        f"the alpha by feather and margin, clean: settled; the demo's truth is exact, {STARTS} frames after the clip's start",
        shaped,
    )
    print_table(
        "what is wrong in the edge of composites, grey levels; over a colour: from the true one; clean: settled and with decontamination",
        halos,
    )
    print_table(f"subjects cut by the lower edge: gaps over {GAP_PX} pixels and steps over {STEP_PX}, frames", low)


def _halos(of: list[Found], alphas: list[Alpha], owns: list[NDArray[np.float32]]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for (background, colour), clean in product(BACKGROUNDS.items(), (False, True)):
        each = [halo(*one, colour, clean=clean) for one in zip(of, alphas, owns, strict=True)]
        figures[f"{background}{', clean' * clean}"] = float(np.mean([one.true for one in each]))
        figures[f"old background{', clean' * clean}"] = float(np.mean([one.old for one in each]))
    return figures


def _low(of: list[tuple[int, int] | None]) -> dict[str, object]:
    cut = [one for one in of if one is not None]
    if not cut:
        return dict.fromkeys(("frames", "with a gap", "worst gap", "with a step", "worst step"), "-")
    gaps, steps = np.array(cut).T
    return {
        "frames": len(cut),
        "with a gap": int((gaps > GAP_PX).sum()),
        "worst gap": int(gaps.max()),
        "with a step": int((steps > STEP_PX).sum()),
        "worst step": int(steps.max()),
    }
