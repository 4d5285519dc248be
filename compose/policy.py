"""Decide whether the subject may be seen: it is hidden unless there is a fresh mask of the present epoch. Pure.

state      picture                                    ends when
starting   hidden: no frame or no result yet          a usable mask comes
live       the subject is sharp, after a fade-in      the mask is too old, holds nobody, or is of another epoch: at once
everybody  every person is sharp, after a fade-in     the same, or one person is chosen
hidden     hidden, with a reason that is shown        a usable mask comes
lost       a card with the reason, without a frame    a frame comes; after a loss everything is hidden first
off        the camera's own picture                   somebody turns privacy on, or another epoch begins
instances  the camera's own, with all instances       the same: privacy is off in this state too

A loss happens when the source fails or is closed because nobody looks, when no frame comes for two seconds (or three periods of
a slow source, if that is longer), or when the machine sleeps. Everything that was allowed before is forgotten: privacy is on, the
masks and the subject are gone. Frames, results and commands from before the loss are refused. A shorter silence only hides the
picture.

A mask that was made from the very frame that is shown belongs to it, so it is never too old for it, however long the frame stands.
That is until the next frame comes, or until the source is silent for three of its periods. A frame of a slow source waits for its own
mask (`waits_for_mask`), and the decision on the frame before stands: the mask of that one would be too old.

Every event can happen in every state. `on_frame`, `on_source_lost`, `on_result`, `set_privacy` and `set_view` report events;
`evaluate` decides what may be shown now. `refusal_of_command` says which commands of a viewer must not be obeyed.

The policy calls nothing outside this module but common/ipc/source_period.py. compose/loop.py calls the tracker and passes its
answers to the policy, in each turn in this order:

1. `on_frame` or `on_source_lost` for every message of the source. If `take_loss` returns True, the tracker and the instance
   view are reset.
2. `Tracker.update` with the newest frame.
3. For every result: `refusal_of_result`. If that is "": `Tracker.apply`, then `on_result` with the selection.
4. `evaluate`. If `take_loss` returns True, the tracker and the instance view are reset.
5. If people are shown: `Tracker.refine`. Then the composite is rendered with `Tracker.alpha`, which changes nothing.

A wrong order raises RuntimeError: in `on_result` (a result that must not be used, or a loss that was not taken), in
`Tracker.refine` and `Tracker.alpha` (another frame, or a result that came since), and in `Renderer.render` (a decision on another
frame).
"""

from __future__ import annotations

from collections import OrderedDict
from enum import StrEnum
from typing import NamedTuple

from common.ipc import messages
from common.ipc.messages import CommandIssued, MasksInferred
from common.ipc.records import ROOM, FrameInfo, Instance, SetHide, SetPrivacy, SetView
from common.ipc.source_period import SLOW_NS, SourcePeriod
from compose.who.selection import NOBODY_FOUND, Selection

ENTRY_NS = 300_000_000  # duration of the fade-in
# the picture is hidden when no frame comes for so long, and for three periods of the source (common/ipc/source_period.py). Displays
# blank themselves after the same time. Where the scheduler delays capture by less, the next frame is already there
SILENCE_NS = 500_000_000
# when no frame comes for so long, and for three periods, that is a loss: another person may sit in front of the camera
LOSS_NS = 2_000_000_000
KNOWN_FRAMES = 4096  # frames whose masks may still come: 17 s at 240 a second, longer than any mask may be used
MAX_COMMAND_AGE_NS = 1_500_000_000  # displays keep a command for a second while compose is not there
NO_MASK_YET = "no mask yet"
NO_FRAME = "no frame comes from capture"
IDLE = "the camera is off while nobody looks"


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
    """What may be shown, and why.

    reason: Why nobody is shown, "" in the states LIVE and EVERYBODY.
    mask_age_ms: Age of the mask, -1.0 if there is no mask of this epoch.
    subjects: The instances that stay sharp. Only the states LIVE and EVERYBODY have any.
    opacity: How far they have faded in, 0..1.
    question: What the user is asked, "" for nothing.
    everybody: Every person who is found is shown.
    frame: Epoch and frame_id of the frame that the decision was made for.
    """

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
    """Fails closed: without a fresh mask of the present epoch that holds the subject, everything is hidden.

    Args:
        frame_limit_ms: The age from which a frame is no longer shown.
    """

    def __init__(self, frame_limit_ms: float) -> None:
        self._frame_limit_ns = round(frame_limit_ms * 1e6)
        self._epoch = 0
        self._newest_id = 0  # frame_id of the last frame that may be shown
        self._loss_to_take = False
        self._frames: OrderedDict[int, int] = OrderedDict()  # frame_id → captured_ns
        self._seen_ns = 0
        self._period = SourcePeriod()
        self._lost = ""
        self._lost_ns = 0  # time of the last loss
        self._first_ns = 0  # frames that were captured earlier are from before the loss
        self._no_mask = NO_MASK_YET
        self._masks: MasksInferred | None = None
        self._selection = Selection((), NOBODY_FOUND)
        self._view = False
        self._started = False
        self._live_since_ns: int | None = None
        self._decision = Decision(State.STARTING, NO_MASK_YET, -1.0)  # the last one
        self.privacy = True

    def on_frame(self, frame: FrameInfo, now_ns: int) -> str:
        """Take a frame that has come. Return "" or why it must not be shown.

        A new epoch means another camera, another size, or a restart of capture: nothing that was allowed before is allowed for
        it, including privacy off.
        """
        if frame.captured_ns > now_ns:
            return "from the future"
        if now_ns - frame.captured_ns > max(self._frame_limit_ns, self._period.patience_ns(SILENCE_NS)):
            return "stale"
        if frame.captured_ns < self._first_ns:
            return "from before a loss"
        if self._is_silent(now_ns, LOSS_NS):  # also if it was this process that stood still
            self.on_source_lost(NO_FRAME, now_ns)
            self._first_ns = frame.captured_ns
        if frame.epoch != self._epoch:
            self._forget(NO_MASK_YET)
            self._frames.clear()
            self._epoch = frame.epoch
        elif self._frames and frame.frame_id <= self._newest_id:
            return "out of order"
        self._period.add(frame.epoch, frame.frame_id, frame.captured_ns)
        self._frames[frame.frame_id] = frame.captured_ns
        if len(self._frames) > KNOWN_FRAMES:
            self._frames.popitem(last=False)
        self._seen_ns, self._newest_id = now_ns, frame.frame_id
        self._lost = ""
        return ""

    def on_source_lost(self, reason: str, now_ns: int) -> None:
        """Take a loss: there is nothing to show, for `reason`, and whatever comes next starts hidden."""
        self._lost, self._lost_ns, self._first_ns = reason, now_ns, now_ns
        self._frames.clear()
        self._forget(NO_MASK_YET)
        self._loss_to_take = True

    def take_loss(self) -> bool:
        """Return True once after a loss: the caller must then reset what remembers the frames before it."""
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
            return "from before a loss"
        return "out of order" if self._masks is not None and masks.frame_id <= self._masks.frame_id else ""

    def on_result(self, masks: MasksInferred, selection: Selection, now_ns: int, age_limit_ms: float) -> str:
        """Take a result and the tracker's selection from it. Return "" or why it shows nobody; it is kept all the same.

        Args:
            masks: A result for which `refusal_of_result` has just returned "".
            selection: What `Tracker.apply` returned for it.
            now_ns: CLOCK_MONOTONIC.
            age_limit_ms: The age from which a mask shows nobody.

        Raises:
            RuntimeError: The result must not be used; or `take_loss` was not called after a loss, so the tracker may still
                follow the person from before.
        """
        if refused := self.refusal_of_result(masks, now_ns):
            raise RuntimeError(f"on_result got a result that must not be used: {refused}")
        if self._loss_to_take:
            raise RuntimeError("on_result was called before take_loss, so the tracker was not reset after the loss")
        self._started, self._masks, self._selection = True, masks, selection
        return "stale" if now_ns - masks.looked_ns > age_limit_ms * 1e6 and not self._has_own_mask else ""

    def refusal_of_command(self, issued: CommandIssued, now_ns: int) -> str:
        """Return "" or why a viewer's command must not be obeyed. Turning privacy on is never refused, and no other command that
        only hides."""
        if issued.command in (SetPrivacy(True), SetView(False), SetHide(ROOM)):
            return ""
        if issued.issued_ns > now_ns:
            return "from the future"
        if now_ns - issued.issued_ns > MAX_COMMAND_AGE_NS:
            return "too late"
        if issued.issued_ns < self._lost_ns:
            return "from before a loss"
        if self._lost and issued.command in (SetPrivacy(False), SetView(True)):
            return "while there is no picture"
        return "for another epoch" if issued.epoch != self._epoch else ""

    def set_privacy(self, on: bool) -> None:
        """Turn privacy on or off. When it is turned on, everything is hidden until a mask comes."""
        if on and not self.privacy:
            self._forget("no mask since privacy was turned on")
        self.privacy, self._view = on, False

    def set_view(self, instances: bool) -> None:
        """Show every instance over the camera's own picture, which turns privacy off; or turn privacy on again."""
        self.set_privacy(not instances)
        self._view = instances

    def waits_for_mask(self, now_ns: int) -> bool:
        """Return whether the newest frame is not decided on yet: people are shown, and its own mask comes in a moment.

        Only a slow source waits, for three quarters of its period at most.
        """
        return (
            self._live_since_ns is not None
            and bool(self._frames and self._masks and self._selection.subjects and self.privacy)
            and not self._has_own_result
            and self._period.ns > SLOW_NS
            and 4 * (now_ns - self._seen_ns) < 3 * self._period.ns
        )

    def evaluate(self, now_ns: int, age_limit_ms: float) -> Decision:
        """Decide what may be shown of the newest frame. While that waits for its mask, return the last decision again.

        Args:
            now_ns: CLOCK_MONOTONIC.
            age_limit_ms: The age from which a mask shows nobody.
        """
        if self._is_silent(now_ns, LOSS_NS):
            self.on_source_lost(NO_FRAME, now_ns)
        if self.waits_for_mask(now_ns):
            return self._decision
        frame = self._epoch, self._newest_id
        decision = self._evaluate(now_ns, age_limit_ms)._replace(everybody=self._selection.everybody, frame=frame)
        if not decision.shows_people:
            self._live_since_ns = None
        else:
            self._live_since_ns = now_ns if self._live_since_ns is None else self._live_since_ns
            decision = decision._replace(opacity=min(1.0, (now_ns - self._live_since_ns) / ENTRY_NS))
        self._decision = decision
        return decision

    def _evaluate(self, now_ns: int, age_limit_ms: float) -> Decision:
        age_ms = (now_ns - self._masks.looked_ns) / 1e6 if self._masks else -1.0
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
        elif age_ms > age_limit_ms and not self._has_own_mask:
            reason = f"mask older than {age_limit_ms:.0f} ms"
        else:
            return self._evaluate_selection(age_ms)
        return Decision(State.HIDDEN if self._started else State.STARTING, reason, age_ms)

    def _evaluate_selection(self, age_ms: float) -> Decision:
        """Return what the last result allows, if it is fresh."""
        subjects, reason, question, everybody = self._selection
        if not subjects:
            return Decision(State.HIDDEN, reason, age_ms, question=question)
        return Decision(State.EVERYBODY if everybody else State.LIVE, "", age_ms, subjects, question=question)

    @property
    def _has_own_result(self) -> bool:
        """Whether the last result was made from the newest frame itself."""
        masks = self._masks
        return masks is not None and masks.frame_id == self._newest_id and masks.held_ns == 0

    @property
    def _has_own_mask(self) -> bool:
        """Whether that result found everybody who stays sharp. Where it missed the subject, the tracker may hold an older area."""
        found = self._masks.instances if self._masks else ()
        return self._has_own_result and all(subject in found for subject in self._selection.subjects)

    def _is_silent(self, now_ns: int, least_ns: int) -> bool:
        """Return whether frames have come, but none recently."""
        return bool(self._frames) and now_ns - self._seen_ns > self._period.patience_ns(least_ns)

    def _forget(self, no_mask: str) -> None:
        """Forget the mask and turn privacy on."""
        self._no_mask = no_mask
        self._masks, self._selection = None, Selection((), NOBODY_FOUND)
        self.privacy, self._view = True, False
