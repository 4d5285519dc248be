"""Composites of the demo with `--hide people`, and what is known of each: for tests and for the bench."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from capture.demo import DemoScene, Masks
from common.ipc.messages import MasksInferred
from common.ipc.records import FrameInfo, Instance
from common.vision.arrays import BgrImage, Mask, SoftMask
from common.vision.pyramid import ImagePyramid
from common.vision.selfie_matte import Matte
from compose.picture.alpha import Alpha, placed, with_room
from compose.picture.matte_edge import MatteEdge, MattePace
from compose.picture.renderer import Renderer
from compose.policy import Decision, State
from compose.settings import ComposeSettings
from compose.who.region import grid_wh
from compose.who.region_state import dilated
from compose.who.room import EMPTY_NS, closed
from compose.who.tracker import Tracker
from tests.people import FPS, SHOWN, Looks, at_ns

MARGIN = 1 / 12  # of the height: what may be hidden around people, besides gaps between the bystander and the sides
VISIBLE_PX = 200  # of a person in view: below, a share of it says nothing


class Composite(NamedTuple):
    """One frame and what was made of it; all of one size (H, W).

    picture, shown: uint8 BGR, before and after.
    masks: Exact.
    subject, seen: 0..255, what is sharp as the subject, and what is sharp at all.
    nobody: Where nobody was, with a margin, since looks could say so.
    """

    number: int
    picture: BgrImage
    shown: BgrImage
    masks: Masks
    subject: SoftMask
    seen: SoftMask
    nobody: Mask

    @property
    def bystander_visible(self) -> tuple[float, float]:
        """What can be seen of the bystander as a share of it, by the subject's alpha alone (as where the room is hidden), and in all."""
        of = self.masks.bystander
        return float((self.subject[of] > SHOWN).mean()), float((self.seen[of] > SHOWN).mean())

    @property
    def has_bystander(self) -> bool:
        """Whether enough of the bystander is in view."""
        return int(self.masks.bystander.sum()) >= VISIBLE_PX

    @property
    def room_db(self) -> float:
        """PSNR of the composite where nobody was, dB; infinite where it is the same."""
        error = (self.shown[self.nobody].astype(np.float32) - self.picture[self.nobody]) ** 2
        return float(10 * np.log10(255**2 / error.mean())) if error.any() else float("inf")


def composites(scene: DemoScene, looks: Looks, matte: Matte, seconds: float, noise: float = 0.0) -> Iterator[Composite]:
    """Every frame of a scene while people are shown.

    Args:
        scene: At FPS.
        looks: Who finds people in it.
        matte: For the edge.
        seconds: How long.
        noise: Of the camera, grey levels.
    """
    settings = ComposeSettings(hide="people")
    renderer, rng = Renderer(settings), np.random.default_rng(0)
    tracker = Tracker(settings, MatteEdge(matte, MattePace()), renderer.chosen)
    subjects: tuple[Instance, ...] = ()
    width, height = scene.size_wh
    # somebody was found there, two looks have found nobody since, and the second one's result has come
    unknown = round(FPS * EMPTY_NS / 1e9) + 2 * looks.every + looks.late + 1
    side = 2 * round(MARGIN * height) + 1
    past: list[tuple[Mask, bool]] = []  # where people are in each frame, and whether a look at it finds the subject
    for index in range(round(seconds * FPS)):
        masks, picture = scene.masks(index), scene.frame(index)
        if noise:
            picture = np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)
        past.append((cv2.dilate(_people(masks), np.ones((side, side))) > 0, bool(masks.subject.sum() >= VISIBLE_PX)))
        pyramid = ImagePyramid(picture)
        frame = FrameInfo(1, index, at_ns(index), index, "s", index, height, width)
        tracker.update(frame, pyramid)
        of = index - looks.late
        if of >= 0 and of % looks.every == 0:
            subjects = tracker.apply(MasksInferred(1, of, at_ns(of), 1, "w", "m", looks.at(of))).subjects
        if not subjects:
            continue
        tracker.refine(subjects)
        alpha, room, shown = tracker.alpha(), tracker.empty_room(), np.empty_like(picture)
        renderer.render(
            pyramid, frame, Decision(State.LIVE, "", 0.0, subjects, 1.0, frame=(1, index)), alpha, shown, room=room
        )
        mine = placed(alpha, scene.size_wh)
        seen = mine if room is None else with_room(Alpha(mine, (0, 0, width, height)), room, scene.size_wh).opacity
        yield Composite(index, picture, shown, masks, mine, seen, ~_anybody(past, unknown))


def _anybody(past: list[tuple[Mask, bool]], unknown: int) -> Mask:
    """Return where anybody has been in the last frames, so many with the subject in view: a look that does not find it proves nothing."""
    proofs = np.cumsum([has_subject for _, has_subject in reversed(past)])
    frames = int(np.searchsorted(proofs, unknown)) + 1
    return np.asarray(np.logical_or.reduce([people for people, _ in past[-frames:]]), np.bool_)


def _people(masks: Masks) -> SoftMask:
    """Return 255 where people are, (H, W) uint8, with the gaps beside the bystander that are hidden as well."""
    height, width = masks.subject.shape
    on_grid = cv2.resize(masks.bystander.astype(np.uint8) * 255, grid_wh((width, height)), interpolation=cv2.INTER_AREA)
    # a change is seen in smoothed cells: up to two beyond what changes
    changed = dilated(np.where(on_grid > 0, 255, 0).astype(np.uint8), 2)
    gaps = cv2.resize(cv2.subtract(closed(changed), changed), (width, height))
    return np.where(masks.subject | masks.bystander | (gaps > 0), 255, 0).astype(np.uint8)
