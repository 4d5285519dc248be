"""The subject from frame to frame: who it is, where it may be, and its alpha on the present frame."""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from common.errors import AssetError
from common.ipc.messages import MasksInferred
from common.ipc.records import FrameInfo, Instance, SelectSubject, SelectSubjectAt
from common.vision.arrays import BgrImage, SoftMask
from common.vision.assets import MATTE, fetch
from common.vision.coco import NAMES
from common.vision.grid import on_grid
from common.vision.pyramid import ImagePyramid
from common.vision.selfie_matte import Matte
from compose.governor import LEAST_HZ
from compose.picture import alpha
from compose.picture.alpha import Alpha
from compose.picture.guided_edge import GuidedEdge
from compose.picture.matte_edge import MatteEdge, MattePace
from compose.settings import ComposeSettings
from compose.who.alone import Alone
from compose.who.appearance import Light, look_of
from compose.who.flow import FlowMeter
from compose.who.others import Candidate, covered
from compose.who.region import HISTORY, Present, Region, grid_wh, inside
from compose.who.selection import Choice, Chooser
from compose.who.subject import people_of

SURE = 0.8  # probability from which a result's own pixel is the subject, whatever the matte says
EVEN = 0.5  # probability at which a pixel is as likely the subject as not
WIDER = 2  # times as wide as the grid, at least, before a picture is sampled for it: fine patterns come out as others
NEAREST = 4  # frames: a person who walks past moves by two hundredths of the width in that time
TOUCH = 5  # grid pixels, odd: what is nearer touches
HOLD_NS = 1_000_000_000  # so long after the first result that did not find the subject its area goes on at most
SAME_PLACE = 0.5  # of the area, at least, lies under such a sign
ANSWER_MS = 300  # until a look that is asked for has been made, where the processor is free and nothing bounds the rate
MOST_FAILED = 2  # results in a row that may find nobody where one person alone was found for long
OUTLINE_NS = 1_000_000_000  # so long it is shown who was chosen by hand

log = logging.getLogger("onlyme")


class Edge(Protocol):
    """Finds the subject's edge on the present frame."""

    bounds: bool  # the region only bounds what is found on the present frame; else it is all that is known of it

    def reset(self) -> None:
        """Forget the frames before: another stream begins, of another shape perhaps."""

    def alpha(self, present: Present, region: Region, age_ns: int) -> Alpha:
        """Alpha of the subject, whose region is rolled on to the present frame; the last result is `age_ns` old."""


class Past(NamedTuple):
    """A frame that a result may yet come for: when it was captured, and (h, w, 3) uint8 BGR, the picture on the grid."""

    captured_ns: int
    small: BgrImage


class Tracker:
    """Follows the subject through one stream after the other.

    Args:
        settings: Who may be the subject, and how sure one must be.
        edge: Finds the edge on the present frame; None: the result's own mask is used as it is.
    """

    def __init__(self, settings: ComposeSettings, edge: Edge | None) -> None:
        self._settings, self._edge = settings, edge
        self._kept = {NAMES.index(name) for name in settings.keep}
        self._chooser = Chooser(settings.subject, settings.return_)
        bounded_hz = [settings.max_infer_hz, LEAST_HZ if settings.cpu or settings.battery else 0.0]
        self._answer_ms = ANSWER_MS + 1000 / min([hz for hz in bounded_hz if hz], default=math.inf)
        self._begin(0, (0, 0))

    def _begin(self, epoch: int, size_wh: tuple[int, int]) -> None:
        self._epoch, self._size_wh = epoch, size_wh
        self._wh = grid_wh(size_wh) if epoch else (0, 0)
        self._region, self._meter = Region(), FlowMeter()
        self._present: Present | None = None
        self.seen_ns = 0  # when the newest frame was captured
        self.looked_ns = 0  # when the frame was captured that the last result was found in, 0 before that
        self._chooser.clear()
        # the subject of the last result that found it, and when that was
        self._held: tuple[Instance, ...] = ()
        self._found_ns = 0
        self._failed, self._failed_ns = 0, 0  # results since then, and when the first of them was captured
        self._alone = Alone()
        self._ended_ns = 0  # since when the subject has not been alone any more, as far as the matte tells
        self._light = Light()
        self._dropped = -1  # the newest frame that was forgotten before its time
        if self._edge is not None:
            self._edge.reset()
        self._past: OrderedDict[int, Past] = OrderedDict()  # by frame_id

    def see(self, frame: FrameInfo, pyramid: ImagePyramid) -> None:
        """The present frame, with its picture; another stream is another beginning."""
        if frame.epoch != self._epoch:
            self._begin(frame.epoch, (frame.width, frame.height))
        small = pyramid.smallest_at_least(WIDER * self._wh[0], 1)
        least = np.asarray(cv2.resize(small, self._wh), np.uint8)
        self._past[frame.frame_id] = Past(frame.captured_ns, least)
        if self._edge is not None:
            grey = np.asarray(cv2.cvtColor(least, cv2.COLOR_BGR2GRAY), np.uint8)
            since = -1 if self._present is None else self._present.frame_id
            self._present = Present(frame.frame_id, pyramid.picture, small, grey, self._meter.measure(grey), since)
            self._region.see(self._present)
        self.seen_ns = frame.captured_ns
        self._forget(frame.captured_ns)
        self._watch()

    def forget(self) -> None:
        """Forget the subject and all that was seen: the next frame is another beginning, though of the same stream."""
        self._begin(0, (0, 0))

    def _forget(self, now_ns: int) -> None:
        """Let go of what is too old. No result may come for long, and the way from one to now takes half a megabyte a
        frame; the picture alone is kept longer, for a result that is too late to show anybody still says who is who."""
        longest_ns = self.age_limit_ms() * 1e6
        if len(self._past) > HISTORY:
            frame_id, past = self._past.popitem(last=False)
            if now_ns - past.captured_ns <= longest_ns:
                self._dropped = frame_id
        young = (n for n, past in self._past.items() if now_ns - past.captured_ns <= longest_ns)
        self._region.forget(next(young))

    def age_limit_ms(self) -> float:
        """From what age a mask shows nobody, as of the newest frame: longer where one person alone is followed. When that ends
        a look is asked for, and its answer waited for."""
        least, most = self._settings.mask_age_limit_ms, self._settings.mask_age_alone_ms
        if not self._follows_one:
            return least
        if not self._ended_ns:
            return most
        return min(most, max(least, (self._ended_ns - self.looked_ns) / 1e6 + self._answer_ms))

    @property
    def _follows_one(self) -> bool:
        """Whether results have found one person alone for long, and the matte would see who comes beside that person."""
        return self._alone.is_known and self._edge is not None and self._edge.bounds

    def _watch(self) -> None:
        """Note since when the subject has not been alone any more, as far as the matte tells."""
        step, present = self._region.newest, self._present
        if self._ended_ns or not self._follows_one or step is None or present is None:
            return
        if present.flow is None or not self._alone.holds(step):
            self._ended_ns = self.seen_ns

    @property
    def wants_look(self) -> bool:
        """Whether the next result matters more than usual: somebody chose by hand, or nobody can tell without it whether the
        subject is still alone."""
        return self._chooser.is_asked or self._ended_ns > 0

    def ask(self, asked: SelectSubject | SelectSubjectAt) -> None:
        """Somebody chose by hand, among the people of the next result."""
        self._chooser.ask(asked)

    def outlined(self, now_ns: int) -> bool:
        """Whether it should be shown who was chosen: for a second after a choice by hand."""
        return self._chooser.by_hand_ns > 0 and now_ns - self._chooser.by_hand_ns < OUTLINE_NS

    def choose(self, result: MasksInferred) -> Choice:
        """Who stays sharp among a result's instances; nobody where the subject is not among them."""
        choice = self._choose(result)
        if result.looked_ns >= self._ended_ns:
            self._ended_ns = 0
        if (step := self._region.first_rolled) is not None:
            self._alone.measure(step)
        self._watch()
        return choice

    def _choose(self, result: MasksInferred) -> Choice:
        if result.epoch != self._epoch:
            return Choice((), "the result belongs to another stream")
        if self._edge is not None and result.frame_id <= self._dropped:
            # the mask is young enough to be shown, but nobody knows the way from its frame to the present one
            return Choice((), f"the mask is more than {HISTORY} frames late")
        people = people_of(result.instances, self._settings.confidence)
        areas = [self._on_grid(i, self._settings.threshold) for i in people]
        past = self._nearest(result.frame_id)
        while self._past and next(iter(self._past)) < result.frame_id:  # no result for an older frame will be taken
            self._past.popitem(last=False)
        even = None if past is None else self._light.even(past.small, self._union(areas))
        candidates = [
            Candidate(area, None if even is None else look_of(even, area), person.score)
            for person, area in zip(people, areas, strict=True)
        ]
        # nobody can have taken the place of who is alone and unchanged, however long ago the last result was
        is_steady = self._follows_one and not self._ended_ns
        chosen = self._chooser.pick(
            candidates, self._region.at(result.frame_id), result.captured_ns, is_steady=is_steady
        )
        if even is not None and chosen:
            self._light.keep()
        subjects = [people[number] for number in chosen]
        mine = self._union([areas[number] for number in chosen])
        things = self._things(result, subjects, mine)
        signs = [self._on_grid(i, self._settings.threshold) for i in result.instances if i.is_sign]
        self._failed = 0 if chosen else self._failed + 1
        self._failed_ns = self._failed_ns if self._failed > 1 else result.captured_ns
        if not chosen and self._holds(result, areas, signs, even):
            self._chooser.keep(result.captured_ns)
            return Choice(self._held)
        self._alone.see(result.captured_ns, len(people), len(signs), is_same=bool(chosen) and self._chooser.follows)
        others = self._union([areas[k] for k, person in enumerate(people) if k not in chosen and person not in things])
        self._seed(result, subjects, mine, things, others=others, signs=self._union(signs))
        everybody = self._chooser.shows_everybody
        if subjects:
            self._held, self._found_ns = tuple(subjects), result.captured_ns
            return Choice((*subjects, *things), everybody=everybody)
        return Choice((), self._chooser.why_nobody(len(people)), self._chooser.question, everybody)

    def _holds(
        self, result: MasksInferred, people: list[SoftMask], signs: list[SoftMask], even: BgrImage | None
    ) -> bool:
        """Whether the subject's area goes on although a result found nobody who is the subject, for a short time: where a sign
        of somebody lies on it, or where the look may have failed. Whom else the result found is hidden."""
        area = self._region.at(result.frame_id)
        is_late = (
            result.captured_ns - self._failed_ns >= HOLD_NS
            or self._failed_ns - self._found_ns > self._settings.mask_age_alone_ms * 1e6
        )
        if self._edge is None or self._chooser.shows_everybody or not self._held or is_late:
            return False
        if area is None or even is None:
            return False
        rest = [
            sign
            for sign in signs
            if covered(area, sign) < SAME_PLACE or not self._chooser.may_be(Candidate(sign, look_of(even, sign)))
        ]
        if len(rest) == len(signs) and (people or signs or not self._may_have_failed()):
            return False
        if not self._region.hold(result.frame_id, self._union(people + rest)):
            return False
        self.looked_ns = result.looked_ns
        return True

    def _may_have_failed(self) -> bool:
        """Whether a result without a sign of anybody may just have missed the subject: one person alone was found for long."""
        return self._alone.is_known and self._failed <= MOST_FAILED

    def _nearest(self, frame_id: int) -> Past | None:
        """The picture of a frame, or, where compose skipped that frame, of the nearest one that it saw; None where that is
        too far away for people to be at the same place."""
        near = min(self._past, key=lambda seen: abs(seen - frame_id), default=None)
        return None if near is None or abs(near - frame_id) > NEAREST else self._past[near]

    def alpha(self, frame: FrameInfo, subjects: tuple[Instance, ...]) -> Alpha:
        """What of the present frame is the subject."""
        if self._edge is None:
            return alpha.of_instances(subjects, self._size_wh, self._settings.threshold, self._settings.edge)
        area, present = self._region.area, self._present
        if area is None or not area.any() or present is None or present.frame_id != frame.frame_id:
            return alpha.NOBODY
        found = self._edge.alpha(present, self._region, frame.captured_ns - self.looked_ns)
        self._watch()
        return found

    def _seed(
        self,
        result: MasksInferred,
        subjects: list[Instance],
        mine: SoftMask,
        things: list[Instance],
        *,
        others: SoftMask,
        signs: SoftMask,
    ) -> None:
        self.looked_ns = result.looked_ns
        bounds = self._edge is not None and self._edge.bounds
        mine = mine if bounds else self._union([self._on_grid(i, EVEN) for i in subjects])
        solid = inside(self._union([self._on_grid(i, SURE) for i in subjects])) if bounds else mine
        others = cv2.bitwise_and(others, cv2.bitwise_not(mine))
        owned = self._union([self._on_grid(i, EVEN) for i in things])
        solid = np.asarray(cv2.max(solid, owned), np.uint8)
        self._region.seed(
            result.frame_id, cv2.max(mine, owned), others, solid, signs=signs, is_same=self._chooser.follows
        )

    def _things(self, result: MasksInferred, subjects: list[Instance], mine: SoftMask) -> list[Instance]:
        """Instances of the classes of `--keep` that touch the subject."""
        near = cv2.dilate(mine, np.ones((TOUCH, TOUCH), np.uint8)) if self._kept and mine.any() else mine
        return [
            i
            for i in result.instances
            if i.class_id in self._kept
            and i.score >= self._settings.confidence
            and not any(i is s for s in subjects)
            and cv2.bitwise_and(self._on_grid(i, self._settings.threshold), near).any()
        ]

    def _on_grid(self, instance: Instance, threshold: float) -> SoftMask:
        return on_grid(instance, self._wh, threshold)

    def _union(self, areas: list[SoftMask]) -> SoftMask:
        found = np.zeros(self._wh[::-1], np.uint8)
        for area in areas:
            np.maximum(found, area, out=found)
        return found


def open_tracker(settings: ComposeSettings, pace: MattePace) -> Tracker:
    """The tracker that `--refine` asks for, whose matte runs at `pace`; without the matte's file by guided filter, and said so."""
    if settings.refine == "none" or settings.edge == "hard":  # the hard edge is the tutorial itself
        return Tracker(settings, None)
    if settings.refine == "guided":
        return Tracker(settings, GuidedEdge())
    try:
        return Tracker(settings, MatteEdge(Matte(fetch(MATTE)), pace))
    except AssetError as error:
        log.warning("no matte on the present frame, --refine guided is used: %s", error)
        return Tracker(settings, GuidedEdge())
