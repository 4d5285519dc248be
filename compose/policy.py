"""Whether the subject may be seen: hidden unless there is a fresh mask of this very stream. Pure.

state      picture                                    left when
starting   hidden: no frame or no result yet          a usable mask comes
live       the subject sharp, fading in               the mask ages, holds nobody, belongs to another stream: at once
everybody  every person sharp, fading in              the same, or one person is chosen
hidden     hidden, for a reason that is shown         a usable mask comes
lost       no frame to show: a card with the reason   a frame comes; after a loss it begins closed
off        the camera's own                           somebody turns the filter on, or another stream begins
instances  the camera's own, all instances drawn in   the same: it is privacy off in another picture

A loss is that the source failed, that no frame came for two seconds (three periods of a slow source, if that is longer), or
that the machine slept. Everything that was allowed before is forgotten: privacy is on, the masks and the subject are gone.
Frames, results and wishes of before the loss count no more. A shorter silence only hides.

Every event can come in every state. `see`, `lose`, `accept`, `set_privacy` and `set_view` say what happened; `judge` says what may
be shown now. `refuses` says which of a viewer's wishes must not be obeyed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from common.ipc import messages
from common.ipc.messages import CommandIssued, MasksInferred
from common.ipc.records import FrameInfo, Instance, SetPrivacy, SetView
from compose.who.selection import NOBODY_FOUND, Choice

ENTRY_NS = 300_000_000  # the subject fades in over this long
# no frame for that long, and for that many periods of the source: hidden. Displays blank themselves after as long; where the
# scheduler keeps capture away for less, the next frame is already there
SILENCE_NS, SILENT_PERIODS = 500_000_000, 3
# no frame for that long, and for SILENT_PERIODS: a loss, the person in front may be another one
LOSS_NS = 2_000_000_000
KNOWN_FRAMES = 4096  # whose masks may still come: 17 s at 240 a second, more than any mask may be old
LATEST_WISH_NS = 1_500_000_000  # displays keep a wish for a second where compose is not there
NO_MASK_YET = "no mask of this stream yet"
NO_FRAME = "no frame comes from capture"


class State(StrEnum):
    """What a viewer sees."""

    STARTING = "starting"
    LIVE = "live"
    EVERYBODY = messages.EVERYBODY
    HIDDEN = "hidden"
    LOST = messages.LOST
    OFF = messages.OFF
    INSTANCES = messages.INSTANCES


class Verdict(NamedTuple):
    """What may be shown, and why. `subjects` holds somebody in the states LIVE and EVERYBODY only, `opacity` (0..1) is how far
    they have faded in; `mask_age_ms` is -1.0 where there is no mask of this stream; `question` is what the person in front
    is asked; `everybody` says that every person who is found is shown."""

    state: State
    reason: str
    mask_age_ms: float
    subjects: tuple[Instance, ...] = ()
    opacity: float = 0.0
    question: str = ""
    everybody: bool = False

    @property
    def shows_people(self) -> bool:
        """Whether `subjects` are sharp."""
        return self.state in (State.LIVE, State.EVERYBODY)


class Policy:
    """Fail closed: without a fresh mask of the present stream that holds the subject, everything is hidden.

    Args:
        choose: Says which instances of an accepted result stay sharp.
        forget: Forgets who that was, and all that was seen.
        age_limit_ms: Says from what age a mask shows nobody, as of now.
        frame_limit_ms: The age from which a frame is not shown any more.
    """

    def __init__(
        self,
        choose: Callable[[MasksInferred], Choice],
        forget: Callable[[], None],
        age_limit_ms: Callable[[], float],
        frame_limit_ms: float,
    ) -> None:
        self._choose, self._forget_subject = choose, forget
        self._age_limit_ms, self._frame_limit_ns = age_limit_ms, round(frame_limit_ms * 1e6)
        self._epoch = 0
        self._frames: OrderedDict[int, int] = OrderedDict()  # frame_id → captured_ns
        self._seen_ns = 0
        self._period_ns = 0
        self._lost = ""
        self._lost_ns = 0  # of the last loss
        self._first_ns = 0  # frames captured earlier are of before it
        self._no_mask = NO_MASK_YET
        self._masks: MasksInferred | None = None
        self._choice = Choice((), NOBODY_FOUND)
        self._view = False
        self._started = False
        self._live_since_ns: int | None = None
        self.privacy = True

    def see(self, frame: FrameInfo, now_ns: int) -> str:
        """A frame has come. Returns "" or why it must not be shown.

        Another epoch is another camera, another size, or another life of capture: what was allowed for the last one,
        privacy off included, is not allowed for it.
        """
        if frame.captured_ns > now_ns:
            return "from the future"
        if now_ns - frame.captured_ns > max(self._frame_limit_ns, self._patience_ns()):
            return "stale"
        if frame.captured_ns < self._first_ns:
            return "of before a loss"
        if self._is_silent(now_ns, LOSS_NS):  # also where it was this process that stood still
            self.lose(NO_FRAME, now_ns)
            self._first_ns = frame.captured_ns
        if frame.epoch != self._epoch:
            self._forget(NO_MASK_YET)
            self._frames.clear()
            self._period_ns = 0
            self._epoch = frame.epoch
        elif self._frames:
            last_id, last_ns = next(reversed(self._frames.items()))
            if frame.frame_id <= last_id:
                return "out of order"
            self._period_ns = max(0, frame.captured_ns - last_ns) // (frame.frame_id - last_id)
        self._frames[frame.frame_id] = frame.captured_ns
        if len(self._frames) > KNOWN_FRAMES:
            self._frames.popitem(last=False)
        self._seen_ns = now_ns
        self._lost = ""
        return ""

    def lose(self, reason: str, now_ns: int) -> None:
        """There is nothing to show any more, for `reason`; what comes next starts closed."""
        self._lost, self._lost_ns, self._first_ns = reason, now_ns, now_ns
        self._frames.clear()
        self._forget(NO_MASK_YET)
        self._forget_subject()

    def accept(self, masks: MasksInferred, now_ns: int) -> str:
        """A result has come. Returns "" or why it shows nobody."""
        if masks.epoch != self._epoch:
            return "of another epoch"
        if masks.captured_ns > now_ns:
            return "from the future"
        if self._frames.get(masks.frame_id) != masks.captured_ns:
            return "of a frame never seen"
        if masks.looked_ns < self._first_ns:
            return "of before a loss"
        if self._masks is not None and masks.frame_id <= self._masks.frame_id:
            return "out of order"
        self._started = True
        self._masks = masks
        self._choice = self._choose(masks)
        return "stale" if now_ns - masks.looked_ns > self._age_limit_ms() * 1e6 else ""

    def refuses(self, wish: CommandIssued, now_ns: int) -> str:
        """Return "" or why a viewer's wish must not be obeyed. A wish for the filter is always obeyed: it only hides."""
        if wish.command in (SetPrivacy(True), SetView(False)):
            return ""
        if wish.issued_ns > now_ns:
            return "from the future"
        if now_ns - wish.issued_ns > LATEST_WISH_NS:
            return "too late"
        if wish.issued_ns < self._lost_ns:
            return "of before a loss"
        if self._lost and wish.command in (SetPrivacy(False), SetView(True)):
            return "while there is no picture"
        return "for another stream" if wish.epoch != self._epoch else ""

    def set_privacy(self, on: bool) -> None:
        """Turn the filter on or off; on again, it starts closed."""
        if on and not self.privacy:
            self._forget("no mask since privacy was turned on")
        self.privacy, self._view = on, False

    def set_view(self, instances: bool) -> None:
        """Show every instance over the camera's own picture, which is privacy off; or filter again."""
        self.set_privacy(not instances)
        self._view = instances

    def judge(self, now_ns: int) -> Verdict:
        """What may be shown at `now_ns` (CLOCK_MONOTONIC) of the frame that was seen last."""
        if self._is_silent(now_ns, LOSS_NS):
            self.lose(NO_FRAME, now_ns)
        verdict = self._judge(now_ns)._replace(everybody=self._choice.everybody)
        if not verdict.shows_people:
            self._live_since_ns = None
            return verdict
        if self._live_since_ns is None:
            self._live_since_ns = now_ns
        return verdict._replace(opacity=min(1.0, (now_ns - self._live_since_ns) / ENTRY_NS))

    def _judge(self, now_ns: int) -> Verdict:
        age_ns = now_ns - self._masks.looked_ns if self._masks else -1_000_000
        age_ms = age_ns / 1e6
        if not self._frames and not self._lost:
            return Verdict(State.STARTING, "no frame has come yet", age_ms)
        if self._lost:
            return Verdict(State.LOST, self._lost, age_ms)
        if self._is_silent(now_ns, SILENCE_NS):
            return Verdict(State.LOST, NO_FRAME, age_ms)
        if not self.privacy:
            return Verdict(State.INSTANCES if self._view else State.OFF, "turned off by hand", age_ms)
        if self._masks is None:
            reason = self._no_mask
        elif age_ms > (limit_ms := self._age_limit_ms()):
            reason = f"mask older than {limit_ms:.0f} ms"
        else:
            return self._judge_choice(age_ms)
        return Verdict(State.HIDDEN if self._started else State.STARTING, reason, age_ms)

    def _judge_choice(self, age_ms: float) -> Verdict:
        """What the last result allows, which is fresh."""
        subjects, reason, question, everybody = self._choice
        if not subjects:
            return Verdict(State.HIDDEN, reason, age_ms, question=question)
        return Verdict(State.EVERYBODY if everybody else State.LIVE, "", age_ms, subjects, question=question)

    def _patience_ns(self, least_ns: int = SILENCE_NS) -> int:
        """How long no frame is still the source's own rhythm."""
        return max(least_ns, SILENT_PERIODS * self._period_ns)

    def _is_silent(self, now_ns: int, least_ns: int) -> bool:
        """Whether frames came, and none came lately."""
        return bool(self._frames) and now_ns - self._seen_ns > self._patience_ns(least_ns)

    def _forget(self, no_mask: str) -> None:
        """Close: no mask, privacy on."""
        self._no_mask = no_mask
        self._masks, self._choice = None, Choice((), NOBODY_FOUND)
        self.privacy, self._view = True, False
