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

Every event can come in every state. `on_frame`, `on_source_lost`, `on_result`, `set_privacy` and `set_view` say what happened;
`evaluate` says what may be shown now. `refusal_of_command` says which of a viewer's wishes must not be obeyed.

The policy calls nobody: compose/loop.py asks the tracker and hands the answers over, in this order in each turn.

1. `on_frame` or `on_source_lost` for every fact of the source; then, where `take_loss` says so, the tracker and the instance
   view are reset
2. `Tracker.update` with the newest frame
3. for every result: `refusal_of_result`; where that is "", `Tracker.apply`, and `on_result` with the selection
4. `evaluate`; once more `take_loss`
5. where people are shown, `Tracker.refine`; then the composite is painted with `Tracker.alpha`, which changes nothing

A wrong order raises RuntimeError: in `on_result` (a result that must not be used, or a loss that was not taken), in
`Tracker.refine` and `Tracker.alpha` (another frame, or a result that came since), and in `Renderer.render` (a decision on another
frame).
"""

from __future__ import annotations

from collections import OrderedDict
from enum import StrEnum
from typing import NamedTuple

from common.ipc import messages
from common.ipc.messages import FrameCaptured, Instance, MasksInferred, PrivacySet, ViewSet, WishMade
from compose.who.selection import NOBODY_FOUND, Selection

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


class Decision(NamedTuple):
    """What may be shown, and why. `subjects` holds somebody in the states LIVE and EVERYBODY only, `opacity` (0..1) is how far
    they have faded in; `mask_age_ms` is -1.0 where there is no mask of this stream; `question` is what the person in front
    is asked; `everybody` says that every person who is found is shown; `frame` is the epoch and the frame_id of the frame that
    it was made for."""

    state: State
    reason: str
    mask_age_ms: float
    subjects: tuple[Instance, ...] = ()
    opacity: float = 0.0
    question: str = ""
    everybody: bool = False
    frame: tuple[int, int] = (0, 0)

    @property
    def shows_people(self) -> bool:
        """Whether `subjects` are sharp."""
        return self.state in (State.LIVE, State.EVERYBODY)


class Policy:
    """Fail closed: without a fresh mask of the present stream that holds the subject, everything is hidden.

    Args:
        frame_limit_ms: The age from which a frame is not shown any more.
    """

    def __init__(self, frame_limit_ms: float) -> None:
        self._frame_limit_ns = round(frame_limit_ms * 1e6)
        self._epoch = 0
        self._newest_id = 0  # of the last frame that may be shown
        self._loss_to_take = False
        self._frames: OrderedDict[int, int] = OrderedDict()  # frame_id → captured_ns
        self._seen_ns = 0
        self._period_ns = 0
        self._lost = ""
        self._lost_ns = 0  # of the last loss
        self._first_ns = 0  # frames captured earlier are of before it
        self._no_mask = NO_MASK_YET
        self._masks: MasksInferred | None = None
        self._selection = Selection((), NOBODY_FOUND)
        self._view = False
        self._started = False
        self._live_since_ns: int | None = None
        self.privacy = True

    def on_frame(self, frame: FrameCaptured, now_ns: int) -> str:
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
            self.on_source_lost(NO_FRAME, now_ns)
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
        self._seen_ns, self._newest_id = now_ns, frame.frame_id
        self._lost = ""
        return ""

    def on_source_lost(self, reason: str, now_ns: int) -> None:
        """There is nothing to show any more, for `reason`; what comes next starts closed."""
        self._lost, self._lost_ns, self._first_ns = reason, now_ns, now_ns
        self._frames.clear()
        self._forget(NO_MASK_YET)
        self._loss_to_take = True

    def take_loss(self) -> bool:
        """Return True once after a loss: whoever remembers something of the stream must forget it now."""
        taken, self._loss_to_take = self._loss_to_take, False
        return taken

    def refusal_of_result(self, masks: MasksInferred, now_ns: int) -> str:
        """Return "" or why a result must not be used at all."""
        if masks.epoch != self._epoch:
            return "of another epoch"
        if masks.captured_ns > now_ns:
            return "from the future"
        if self._frames.get(masks.frame_id) != masks.captured_ns:
            return "of a frame never seen"
        if masks.looked_ns < self._first_ns:
            return "of before a loss"
        return "out of order" if self._masks is not None and masks.frame_id <= self._masks.frame_id else ""

    def on_result(self, masks: MasksInferred, selection: Selection, now_ns: int, age_limit_ms: float) -> str:
        """Take a result and whom the tracker chose in it. Return "" or why it shows nobody.

        Args:
            masks: A result for which `refusal_of_result` has just returned "".
            selection: What `Tracker.apply` returned for it.
            now_ns: CLOCK_MONOTONIC.
            age_limit_ms: The age from which a mask shows nobody.

        Raises:
            RuntimeError: The result must not be used, or a loss has not been taken: the tracker still follows whom it knew
                before.
        """
        if refused := self.refusal_of_result(masks, now_ns):
            raise RuntimeError(f"a result was handed over that must not be used: {refused}")
        if self._loss_to_take:
            raise RuntimeError("a result was handed over before the loss was taken and the tracker reset")
        self._started, self._masks, self._selection = True, masks, selection
        return "stale" if now_ns - masks.looked_ns > age_limit_ms * 1e6 else ""

    def refusal_of_command(self, wish: WishMade, now_ns: int) -> str:
        """Return "" or why a viewer's wish must not be obeyed. A wish for the filter is always obeyed: it only hides."""
        if wish.wanted in (PrivacySet(True), ViewSet(False)):
            return ""
        if wish.made_ns > now_ns:
            return "from the future"
        if now_ns - wish.made_ns > LATEST_WISH_NS:
            return "too late"
        if wish.made_ns < self._lost_ns:
            return "of before a loss"
        if self._lost and wish.wanted in (PrivacySet(False), ViewSet(True)):
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

    def evaluate(self, now_ns: int, age_limit_ms: float) -> Decision:
        """Say what may be shown of the frame that was seen last.

        Args:
            now_ns: CLOCK_MONOTONIC.
            age_limit_ms: The age from which a mask shows nobody.
        """
        if self._is_silent(now_ns, LOSS_NS):
            self.on_source_lost(NO_FRAME, now_ns)
        frame = self._epoch, self._newest_id
        decision = self._evaluate(now_ns, age_limit_ms)._replace(everybody=self._selection.everybody, frame=frame)
        if not decision.shows_people:
            self._live_since_ns = None
            return decision
        if self._live_since_ns is None:
            self._live_since_ns = now_ns
        return decision._replace(opacity=min(1.0, (now_ns - self._live_since_ns) / ENTRY_NS))

    def _evaluate(self, now_ns: int, age_limit_ms: float) -> Decision:
        age_ns = now_ns - self._masks.looked_ns if self._masks else -1_000_000
        age_ms = age_ns / 1e6
        if not self._frames and not self._lost:
            return Decision(State.STARTING, "no frame has come yet", age_ms)
        if self._lost:
            return Decision(State.LOST, self._lost, age_ms)
        if self._is_silent(now_ns, SILENCE_NS):
            return Decision(State.LOST, NO_FRAME, age_ms)
        if not self.privacy:
            return Decision(State.INSTANCES if self._view else State.OFF, "turned off by hand", age_ms)
        if self._masks is None:
            reason = self._no_mask
        elif age_ms > age_limit_ms:
            reason = f"mask older than {age_limit_ms:.0f} ms"
        else:
            return self._evaluate_selection(age_ms)
        return Decision(State.HIDDEN if self._started else State.STARTING, reason, age_ms)

    def _evaluate_selection(self, age_ms: float) -> Decision:
        """What the last result allows, which is fresh."""
        subjects, reason, question, everybody = self._selection
        if not subjects:
            return Decision(State.HIDDEN, reason, age_ms, question=question)
        return Decision(State.EVERYBODY if everybody else State.LIVE, "", age_ms, subjects, question=question)

    def _patience_ns(self, least_ns: int = SILENCE_NS) -> int:
        """How long no frame is still the source's own rhythm."""
        return max(least_ns, SILENT_PERIODS * self._period_ns)

    def _is_silent(self, now_ns: int, least_ns: int) -> bool:
        """Whether frames came, and none came lately."""
        return bool(self._frames) and now_ns - self._seen_ns > self._patience_ns(least_ns)

    def _forget(self, no_mask: str) -> None:
        """Close: no mask, privacy on."""
        self._no_mask = no_mask
        self._masks, self._selection = None, Selection((), NOBODY_FOUND)
        self.privacy, self._view = True, False
