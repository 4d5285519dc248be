"""Judge every frame of a recording, by what was found before and after it.

A frame is judged when the frames that follow it have come: it is looked at from both sides (compose/every/passes.py). A frame shows
the subject only between two looks of the same shot that found the subject, or may be forgiven for missing it
(compose/every/selector.py). So whoever enters is hidden from the first pixel on, and the subject's edge does not lag.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from common.ipc.messages import MasksInferred
from common.ipc.recording_clock import stamp_s_of
from common.ipc.records import FrameInfo
from common.vision.arrays import BgrImage
from common.vision.assets import MATTE, fetch
from common.vision.pyramid import ImagePyramid
from common.vision.selfie_matte import Matte
from compose.every.evidence import Evidence, Motion, alpha_of, blended, evidence_of, mistrust
from compose.every.grid_frame import GridFrame, GridFrames
from compose.every.judgement import Box, Judgement
from compose.every.looks import Look
from compose.every.passes import NEVER, Pass, Propagated, merged, not_subject
from compose.every.selector import ELSEWHERE, RecordingSelector
from compose.picture.alpha import EMPTY, Alpha
from compose.picture.matte_edge import MatteEdge, MattePace, edge_alpha, scaled_box
from compose.policy import Decision, State
from compose.settings import ComposeSettings

# frames that wait, and their time, before the first third of them is judged at once. Those after them are looked at before: two seconds
# are enough to see people apart again who meet. With one second the demo shows 0.06 % of the bystander (2.2 % at worst), with two
# 0.001 % (0.03 %)
WAITING, WAITING_NS = 90, 2_900_000_000
WAITING_BYTES = 2**30  # of their pictures, at most; of larger ones fewer wait
LEAST_WAITING, MOST_WAITING = 7, 360  # frames, whatever their size and time; each holds 2 MB besides its picture
AROUND = 21  # frames before and after a frame whose looks count as evidence
NOT_BETWEEN = "the person who stays sharp is not found before and after it"


class Judged(NamedTuple):
    """A frame, and what may be seen of it.

    alpha: What of it is the people who stay sharp; of no meaning where the decision shows nobody.
    """

    frame: FrameInfo
    pyramid: ImagePyramid
    decision: Decision
    alpha: Alpha
    judgement: Judgement


class Judge:
    """Judges the frames of one recording.

    Args:
        settings: Of compose.

    Raises:
        AssetError: The matte cannot be fetched.
    """

    def __init__(self, settings: ComposeSettings) -> None:
        self._settings, self._matte = settings, Matte(fetch(MATTE))
        self._frames, self._selector, self._motion = GridFrames(), RecordingSelector(settings), Motion()
        self._forward = self._new_pass()
        self._past: deque[GridFrame] = deque(maxlen=AROUND)  # judged, without their pictures
        self._last_look: Look | None = None  # of the shot, before the frames that wait
        self._waiting: list[GridFrame] = []
        self._forwards: dict[int, Propagated] = {}  # of the frames that wait

    def add(
        self, frame: FrameInfo, picture: BgrImage, result: MasksInferred | None, *, is_cut: bool = False
    ) -> list[Judged]:
        """Take the next frame. Return the frames that are judged now, in order.

        Args:
            frame: Describes it.
            picture: (H, W, 3) uint8 BGR, which belongs to the judge from now on.
            result: What was found in it; None exactly where nobody looked.
            is_cut: It is the first frame of another shot.
        """
        grid = self._frames.add(frame, picture, is_cut=is_cut)
        if grid.is_cut:
            self._selector.cut()
            self._forward.forget()
        area = self._forward.enter(grid, grid.from_before)
        if result is not None:
            grid.look = self._selector.select(result, grid.least, area)
        if (found := self._forward.settle(grid, grid.look)) is not None:
            self._forwards[grid.number] = found
        self._waiting.append(grid)
        begun_ns = self._waiting[0].frame.captured_ns
        count = frames_to_judge(len(self._waiting), frame.captured_ns - begun_ns, (frame.width, frame.height))
        return self._judge(count) if count else []

    def end(self) -> list[Judged]:
        """Take the end of the recording. Return the frames that are still to be judged, in order."""
        if self._waiting and (last := self._waiting[-1].look) is not None:
            self._selector.end(last)
        return self._judge(len(self._waiting))

    def _judge(self, count: int) -> list[Judged]:
        """Judge the first `count` of the frames that wait."""
        following = next((f.look for f in self._waiting[count - 1 :] if f.look is not None), None)
        if following is None or self._selector.is_undecided(following):
            self._selector.give_up()
        backwards = self._backwards()
        between = looks_around(self._last_look, self._waiting)
        mistrusts = [self._mistrust(index) for index in range(count)]
        window = [*self._past, *self._waiting[: count + AROUND]]
        evidence = evidence_of(window, self._motion) if any(mistrusts) else {}
        judged = []
        for index, frame in enumerate(self._waiting[:count]):
            before, after = between[index]
            found = self._forwards.pop(frame.number, None), backwards.get(frame.number)
            alpha, reason = EMPTY, _reason(before, after)
            if not reason:
                ways = [way for way in found if way is not None]
                alpha = self._alpha(frame, ways, evidence.get(frame.number), mistrusts[index])
            judged.append(self._judged(frame, alpha, reason, before or after))
        self._last_look = between[count - 1][0]
        self._leave(count)
        return judged

    def _leave(self, count: int) -> None:
        """Let go of the first `count` frames that wait, but for what is evidence for the next ones."""
        for frame in self._waiting[:count]:
            self._past.append(frame.without_picture())
        del self._waiting[:count]
        self._motion.forget_before(self._past[0].number)

    def _backwards(self) -> dict[int, Propagated]:
        """Go through the frames that wait from the last to the first."""
        way, found, later = self._new_pass(forward=False), {}, None
        for frame in reversed(self._waiting):
            if later is not None and later.is_cut:
                way.forget()
            way.enter(frame, frame.from_after)
            if (areas := way.settle(frame, frame.look)) is not None:
                found[frame.number] = areas
            later = frame
        return found

    def _mistrust(self, index: int) -> float:
        """Return how little the matte is trusted in one of the frames that wait, 0..1."""
        at = len(self._past) + index
        near = [*self._past, *self._waiting][max(0, at - AROUND) : at + AROUND + 1]
        return mistrust([f.look.coverage for f in near if f.look is not None and f.look.coverage is not None])

    def _alpha(self, frame: GridFrame, ways: list[Propagated], evidence: Evidence | None, weight: float) -> Alpha:
        """Return the alpha of the subject.

        Args:
            frame: The frame.
            ways: The areas of one direction or both; none where the subject is not known.
            evidence: What the looks around the frame say, None if they say nothing.
            weight: Of that, 0..1.
        """
        if frame.likely is None or frame.box is None or not ways:
            return EMPTY
        state = merged(*ways) if len(ways) > 1 else ways[0].state
        size_wh = frame.frame.width, frame.frame.height
        pixels = scaled_box(frame.box, frame.grey.shape, size_wh[::-1])
        alpha = edge_alpha(state, frame.likely, frame.box, pixels, 0)
        if evidence is None or not weight:
            return alpha
        if any(0 < way.since_apart < NEVER for way in ways):
            evidence = evidence.without(not_subject(state))  # looks take parts of somebody half hidden for the subject
        return blended(alpha, alpha_of(evidence, frame.likely, frame.box, size_wh), weight, size_wh)

    def _judged(self, frame: GridFrame, alpha: Alpha, reason: str, near: Look | None) -> Judged:
        info, look = frame.frame, frame.look
        if not reason and not alpha.opacity.size:
            reason = ELSEWHERE
        age_ms = -1.0 if near is None else abs(info.captured_ns - near.result.captured_ns) / 1e6
        shown = State.EVERYBODY if self._settings.subject == "all" else State.LIVE
        decision = Decision(
            State.HIDDEN if reason else shown, reason, age_ms, opacity=0.0 if reason else 1.0,
            everybody=shown is State.EVERYBODY, frame=(info.epoch, info.frame_id),
        )  # fmt: skip
        judgement = Judgement(
            number=info.frame_id,
            time_s=stamp_s_of(info.captured_ns),
            state=str(decision.state),
            reason=reason,
            look=look is not None,
            subject=None if reason else _relative(alpha, info),
            others=() if near is None else tuple(i.box_xyxy for i in near.others),
            doubt="" if look is None else look.doubt,
        )
        return Judged(info, frame.pyramid, decision, alpha, judgement)

    def _new_pass(self, *, forward: bool = True) -> Pass:
        return Pass(MatteEdge(self._matte, MattePace()), forward=forward)


def frames_to_judge(waiting: int, elapsed_ns: int, size_wh: tuple[int, int]) -> int:
    """Return how many frames are judged now, 0 where more must come first.

    Args:
        waiting: Number of frames that wait.
        elapsed_ns: From the first to the last of them.
        size_wh: Of each, pixels.
    """
    most = min(max(LEAST_WAITING, WAITING_BYTES // (3 * size_wh[0] * size_wh[1])), MOST_WAITING)
    is_enough = waiting >= WAITING and elapsed_ns >= WAITING_NS
    return waiting // 3 if is_enough or waiting >= most else 0


def looks_around(last: Look | None, frames: Sequence[GridFrame]) -> list[tuple[Look | None, Look | None]]:
    """Return the last look before each frame and the first one after it, in its shot; a look at the frame itself is both.

    Args:
        last: The last look before the frames, None if there is none in the shot.
        frames: Consecutive frames.
    """
    before: list[Look | None] = []
    for frame in frames:
        last = frame.look or (None if frame.is_cut else last)
        before.append(last)
    after: list[Look | None] = []
    following: Look | None = None
    for frame in reversed(frames):
        following = frame.look or following
        after.append(following)
        following = None if frame.is_cut else following
    return list(zip(before, reversed(after), strict=True))


def _reason(before: Look | None, after: Look | None) -> str:
    """Return why a frame between two looks, of which it may be one itself, shows nobody; "" if it shows somebody."""
    if before is None or after is None:
        return NOT_BETWEEN
    return before.reason or after.reason


def _relative(alpha: Alpha, frame: FrameInfo) -> Box:
    x0, y0, x1, y1 = alpha.box_xyxy
    return x0 / frame.width, y0 / frame.height, x1 / frame.width, y1 / frame.height
