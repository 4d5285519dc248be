"""Follow the subject from frame to frame: who it is, where it may be, and its alpha on the present frame."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import NamedTuple

import cv2
import numpy as np

from common.ipc.messages import MasksInferred
from common.ipc.records import FrameInfo, Instance, SelectSubject, SelectSubjectAt
from common.vision.arrays import BgrImage, SoftMask
from common.vision.pyramid import ImagePyramid
from compose.governor import MIN_HZ
from compose.picture import alpha
from compose.picture.alpha import Alpha
from compose.picture.edge import Edge
from compose.picture.edge_shape import shape_edge
from compose.settings import ComposeSettings
from compose.style import StyleChoice
from compose.who.alone import Alone
from compose.who.appearance import Light
from compose.who.flow import FlowMeter
from compose.who.found import areas_of, found_in
from compose.who.look_maps import maps_of, things_of, union
from compose.who.others import coverage
from compose.who.people import People, people_in
from compose.who.region import HISTORY, PresentFrame, Region, grid_wh, sampled
from compose.who.room import KnownRoom, strip_of
from compose.who.selection import Selection, SubjectSelector

MAX_FRAME_GAP = 4  # frames: somebody who walks past moves by 2 % of the width in that time
HOLD_NS = 1_000_000_000  # the area is held for so long, at most, after the first result that did not find the subject
SAME_PLACE = 0.5  # a sign is at the subject's place if it covers so much of the area, at least
ANSWER_MS = 300  # time until a requested result arrives, where the processor is free and nothing limits the rate
MAX_MISSED = 2  # so many results in a row may find nobody, where one person alone was found for long
OUTLINE_NS = 1_000_000_000  # a person who was chosen by hand is outlined for so long


class PastFrame(NamedTuple):
    """A frame for which a result may still arrive: its time, and its picture on the grid, (h, w, 3) uint8 BGR."""

    captured_ns: int
    small: BgrImage


class Tracker:
    """Follows the subject through one epoch after the other.

    In each turn `update` takes the newest frame, `apply` takes every result that may be used, and `refine` finds the subject's
    edge on that frame if people are shown. `alpha` returns the edge and changes nothing. The module text of compose/policy.py
    lists the whole order.

    Args:
        settings: Who may be the subject, and the least probability of a detection.
        edge: Finds the edge on the present frame. None uses the result's own mask as it is.
        style: What viewers have chosen; None: as the settings say.
    """

    def __init__(self, settings: ComposeSettings, edge: Edge | None, style: StyleChoice | None = None) -> None:
        self._settings, self._edge, self._style = settings, edge, style or StyleChoice(settings)
        self._selector = SubjectSelector(settings.subject, settings.return_, round(1e6 * settings.mask_age_alone_ms))
        bounded_hz = [settings.max_infer_hz, MIN_HZ if settings.cpu or settings.battery else 0.0]
        self._answer_ms = ANSWER_MS + 1000 / min([hz for hz in bounded_hz if hz], default=math.inf)
        self._restart(0, (0, 0))

    def _restart(self, epoch: int, size_wh: tuple[int, int]) -> None:
        self._epoch, self._size_wh = epoch, size_wh
        self._wh = grid_wh(size_wh) if epoch else (0, 0)
        self._region, self._meter = Region(), FlowMeter()
        self._present: PresentFrame | None = None
        self._alpha: Alpha | None = None  # on the newest frame, with the last result
        self._room: KnownRoom | None = None  # what is known of it, while it may be shown
        self._strips = 0  # number of strips of it that the matte was shown
        self._empty: SoftMask | None = None  # where it may be, on the newest frame
        self.seen_ns = 0  # capture time of the newest frame
        self.looked_ns = 0  # capture time of the frame of the last result, 0 before the first
        self._selector.clear()
        # the subject in the last result that found it, and the time of that result
        self._last_subjects: tuple[Instance, ...] = ()
        self._found_ns = 0
        self._missed, self._missed_ns = 0, 0  # number of results since then, and the time of the first
        self._alone = Alone()
        self._company_ns = 0  # time since which the matte finds that the subject is not alone, 0 while it is
        self._light = Light()
        self._dropped = -1  # frame_id of the newest frame that was dropped before its masks were too old
        if self._edge is not None:
            self._edge.reset()
        self._past: OrderedDict[int, PastFrame] = OrderedDict()  # by frame_id

    def update(self, frame: FrameInfo, pyramid: ImagePyramid) -> None:
        """Take the present frame and its picture. A new epoch starts anew."""
        if frame.epoch != self._epoch:
            self._restart(frame.epoch, (frame.width, frame.height))
        small, least = sampled(pyramid, self._wh)
        self._past[frame.frame_id] = PastFrame(frame.captured_ns, least)
        if self._edge is not None:
            grey = np.asarray(cv2.cvtColor(least, cv2.COLOR_BGR2GRAY), np.uint8)
            since = -1 if self._present is None else self._present.frame_id
            flow = self._meter.measure(grey)
            self._present = PresentFrame(frame.frame_id, frame.captured_ns, pyramid.picture, small, grey, flow, since)
            self._region.push(self._present)
        if self._style.shows_room:
            self._room = self._room or KnownRoom()
            self._room.push(frame.frame_id, least, self._region.area)
            left, right = strip_of(self._strips, small.shape[1])
            likely = None if self._edge is None else self._edge.likely_in(small[:, left:right])
            if likely is not None:
                self._room.check(self._strips, likely, self._region.area, frame.captured_ns)
                self._strips += 1
        else:
            self._room = None
        self.seen_ns = frame.captured_ns
        self._alpha = self._empty = None
        self._prune(frame.captured_ns)
        self._note_company()

    def reset(self) -> None:
        """Forget the subject and all frames: the next frame starts anew, even in the same epoch."""
        self._restart(0, (0, 0))

    def _prune(self, now_ns: int) -> None:
        """Prune history.

        Flow fields (0.5 MB a frame) are kept only as long as a mask may be used. Pictures on the grid are kept longer, because a
        result that is too old to show anybody can still update the subject's appearance.
        """
        longest_ns = self.age_limit_ms() * 1e6
        if len(self._past) > HISTORY:
            frame_id, past = self._past.popitem(last=False)
            if now_ns - past.captured_ns <= longest_ns:
                self._dropped = frame_id
        young = (n for n, past in self._past.items() if now_ns - past.captured_ns <= longest_ns)
        self._region.prune(next(young))

    def age_limit_ms(self) -> float:
        """Return the age from which a mask shows nobody, as of the newest frame.

        It is longer while one person alone is followed. When somebody else appears a result is requested, and the limit stays
        long enough for that result to arrive.
        """
        least, most = self._settings.mask_age_limit_ms, self._settings.mask_age_alone_ms
        if not self._follows_one:
            return least
        if not self._company_ns:
            return most
        return min(most, max(least, (self._company_ns - self.looked_ns) / 1e6 + self._answer_ms))

    @property
    def _follows_one(self) -> bool:
        """Whether results have found one person alone for long, and the matte would find who comes beside that person."""
        return self._alone.is_known and self._edge is not None and self._edge.bounds

    def _note_company(self) -> None:
        """Remember the time since which the matte finds that the subject is not alone."""
        state, present = self._region.newest, self._present
        if self._company_ns or not self._follows_one or state is None or present is None:
            return
        if present.flow is None or not self._alone.holds(state):
            self._company_ns = self.seen_ns

    @property
    def wants_inference(self) -> bool:
        """Whether a result is needed soon: somebody chose by hand, or only a result can tell whether the subject is alone."""
        return self._selector.has_request or self._company_ns > 0

    def request(self, requested: SelectSubject | SelectSubjectAt) -> None:
        """Choose the subject by hand, among the people of the next result."""
        self._selector.request(requested)

    def is_outlined(self, now_ns: int) -> bool:
        """Return whether the subject is outlined: for a second after it was chosen by hand."""
        return self._selector.by_hand_ns > 0 and now_ns - self._selector.by_hand_ns < OUTLINE_NS

    def apply(self, result: MasksInferred) -> Selection:
        """Correct the subject's area by a result, and return which of its instances stay sharp: none if the subject is not
        found."""
        self._alpha = self._empty = None
        selection = self._select(result)
        if result.looked_ns >= self._company_ns:
            self._company_ns = 0
        if (state := self._region.first_propagated) is not None:
            self._alone.measure(state)
        self._note_company()
        if self._room is not None and result.epoch == self._epoch and not result.held_ns:
            found, is_proof = found_in(
                result.instances, selection.subjects, self._region.lookup(result.frame_id), self._wh
            )
            self._room.learn(result.frame_id, result.captured_ns, found, is_proof=is_proof)
        return selection

    def _select(self, result: MasksInferred) -> Selection:
        if result.epoch != self._epoch:
            return Selection((), "the result belongs to another epoch")
        if self._edge is not None and result.frame_id <= self._dropped:
            # the mask is recent enough to be shown, but the flow from its frame to the present one has been dropped
            return Selection((), f"the mask is more than {HISTORY} frames late")
        past = self._nearest(result.frame_id)
        while self._past and next(iter(self._past)) < result.frame_id:  # no result for an older frame will be taken
            self._past.popitem(last=False)
        small = None if past is None else past.small
        people = people_in(result.instances, small, self._light, self._wh, self._settings)
        # nobody can have taken the place of a person who is alone and unchanged, however old the last result is
        is_unchanged = self._follows_one and not self._company_ns
        chosen = self._selector.select(
            people.candidates, self._region.lookup(result.frame_id), result.captured_ns, is_unchanged=is_unchanged
        )
        if small is not None and chosen:
            self._light.remember()
        subjects = [people.instances[number] for number in chosen]
        mine = self._union([people.candidates[number].area for number in chosen])
        things = things_of(result.instances, subjects, mine, self._settings)
        self._missed = 0 if chosen else self._missed + 1
        self._missed_ns = self._missed_ns if self._missed > 1 else result.captured_ns
        if not chosen and small is not None and self._hold(result, people):
            self._selector.keep(result.captured_ns)
            return Selection(self._last_subjects)
        is_same = bool(chosen) and self._selector.follows
        self._alone.update(result.captured_ns, len(people.instances), len(people.signs), is_same=is_same)
        others = self._union(people.areas_of_others(chosen, things))
        self._correct(result, subjects, things, others=others, signs=people.signs_area)
        everybody = self._selector.shows_everybody
        if subjects:
            self._last_subjects, self._found_ns = tuple(subjects), result.captured_ns
            return Selection((*subjects, *things), everybody=everybody)
        return Selection(
            (), self._selector.no_subject_reason(len(people.instances)), self._selector.question, everybody
        )

    def _hold(self, result: MasksInferred, people: People) -> bool:
        """Hold the subject's area for a short time, although a result did not find the subject.

        That is done where a sign of somebody lies on the area, or where the result may have missed the subject. Everybody else
        whom the result found is hidden.

        Returns:
            Whether the area is held.
        """
        area = self._region.lookup(result.frame_id)
        is_late = (
            result.captured_ns - self._missed_ns >= HOLD_NS
            or self._missed_ns - self._found_ns > self._settings.mask_age_alone_ms * 1e6
        )
        if self._edge is None or self._selector.shows_everybody or not self._last_subjects or is_late:
            return False
        if area is None:
            return False
        rest = [
            sign.area
            for sign in people.signs
            if coverage(area, sign.area) < SAME_PLACE or not self._selector.may_be_subject(sign)
        ]
        is_somebody = bool(people.instances or people.signs)
        if len(rest) == len(people.signs) and (is_somebody or not self._may_be_missed()):
            return False
        if not self._region.hold(result.frame_id, result.captured_ns, self._union(people.areas + rest)):
            return False
        self.looked_ns = result.looked_ns
        return True

    def _may_be_missed(self) -> bool:
        """Return whether a result that found nobody may have missed the subject: one person alone was found for long."""
        return self._alone.is_known and self._missed <= MAX_MISSED

    def _nearest(self, frame_id: int) -> PastFrame | None:
        """Return the picture of a frame, or of the nearest frame if compose skipped it.

        Returns:
            None if the nearest frame is so far away that people may have moved.
        """
        near = min(self._past, key=lambda seen: abs(seen - frame_id), default=None)
        return None if near is None or abs(near - frame_id) > MAX_FRAME_GAP else self._past[near]

    def refine(self, subjects: tuple[Instance, ...]) -> None:
        """Find the subject's edge on the newest frame, once for each result. This runs the matte, so call it only if people are
        shown.

        Args:
            subjects: Who may be shown.

        Raises:
            RuntimeError: Neither a frame nor a result has come since the last call.
        """
        if not self._epoch or self.is_refined:
            raise RuntimeError("refine was called without a new frame or result: update comes first")
        found = self._refined(subjects)
        mine, others = areas_of(self._region.newest, subjects, self._settings.threshold, self._wh)
        state, margin = self._region.newest, self._style.margin
        if state is not None and state.may_hide:  # who comes out is nobody yet in the first frames
            margin = min(margin, 0.0)
        self._alpha = shape_edge(found, self._style.feather, margin, self._size_wh, others)
        self._empty = None if self._room is None else self._room.empty(mine, others)

    def _refined(self, subjects: tuple[Instance, ...]) -> Alpha:
        if self._edge is None:
            return alpha.of_instances(subjects, self._size_wh, self._settings.threshold, self._settings.edge)
        area, present = self._region.area, self._present
        if area is None or not area.any() or present is None:
            return alpha.EMPTY
        found = self._edge.refine(present, self._region, self.seen_ns - self.looked_ns)
        self._note_company()
        return found

    @property
    def is_refined(self) -> bool:
        """Whether `alpha` may be asked for."""
        return self._alpha is not None

    def alpha(self) -> Alpha:
        """Return the alpha of the subject on the newest frame. This changes nothing.

        Raises:
            RuntimeError: A frame or a result has come since `refine`, so the edge that it found is out of date.
        """
        if self._alpha is None:
            raise RuntimeError("alpha was asked for before refine")
        return self._alpha

    def empty_room(self) -> SoftMask | None:
        """Return 255 where the newest frame shows the empty room, (h, w) uint8 on the grid, which may be shown; None: nowhere.
        `alpha` must be allowed."""
        return self._empty if self._style.shows_room and self._room is not None else None

    def _correct(
        self,
        result: MasksInferred,
        subjects: list[Instance],
        things: list[Instance],
        *,
        others: SoftMask,
        signs: SoftMask,
    ) -> None:
        self.looked_ns = result.looked_ns
        bounds, who = self._edge is not None and self._edge.bounds, self._selector
        found = maps_of(subjects, things, others, signs, self._settings.threshold, bounds=bounds)
        areas = found.subject, found.others, found.certain
        self._region.correct(
            result.frame_id, result.captured_ns, *areas, signs=signs, is_same=who.follows, is_new=who.is_new
        )

    def _union(self, areas: list[SoftMask]) -> SoftMask:
        return union(areas, self._wh)
