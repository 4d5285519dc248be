from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.ipc.messages import CommandIssued, MasksInferred
from common.ipc.records import Command, FrameInfo, Instance, SelectSubject, SetHide, SetPrivacy, SetView
from common.ipc.source_period import LONGEST_NS
from compose.policy import ENTRY_NS, LOSS_NS, Decision, Policy, State
from compose.who.selection import Selection

PERSON = Instance(0, 0.9, (0.1, 0.1, 0.5, 0.9), 2, 2, bytes([255] * 4))
MS = 1_000_000
EPOCH = 5
MAX_AGE_MS = 500


class Scene:
    """A policy with a clock, in milliseconds, and a camera of 30 pictures a second."""

    def __init__(self) -> None:
        self.everybody = False
        self.answer: Selection | None = None  # what the tracker says of every result, where it is told here
        self.forgotten = 0
        self.policy = Policy(MAX_AGE_MS)
        self.now_ms = 10_000
        self.epoch = EPOCH
        self.frames: dict[int, int] = {}

    def select(self, result: MasksInferred) -> Selection:
        if self.answer is not None:
            return self.answer
        people = result.instances if self.everybody else result.instances[:1]
        return Selection(people, "" if people else "nobody found", everybody=self.everybody)

    def take_loss(self) -> None:
        self.forgotten += self.policy.take_loss()

    def lose(self, reason: str = "gone") -> None:
        self.policy.on_source_lost(reason, self.now_ms * MS)
        self.take_loss()
        self.frames = {}

    def frame(self, epoch: int | None = None, frame_id: int | None = None, age_ms: int = 0) -> str:
        if epoch is not None and epoch != self.epoch:
            self.epoch, self.frames = epoch, {}
        number = len(self.frames) if frame_id is None else frame_id
        captured_ms = self.now_ms - age_ms
        refused = self.policy.on_frame(
            FrameInfo(self.epoch, number, captured_ms * MS, number, "onlyme-0-x", number, 4, 4), self.now_ms * MS
        )
        self.take_loss()
        if not refused:
            self.frames[number] = captured_ms
        return refused

    def masks(
        self,
        frame_id: int | None = None,
        *,
        epoch: int | None = None,
        captured_ms: int | None = None,
        who: int = 1,
        held_ms: int = 0,
    ) -> str:
        number = max(self.frames, default=0) if frame_id is None else frame_id
        when = self.frames.get(number, self.now_ms) if captured_ms is None else captured_ms
        result = MasksInferred(epoch or self.epoch, number, when * MS, MS, "w", "m", (PERSON,) * who, held_ms * MS)
        now_ns = self.now_ms * MS
        refused = self.policy.refusal_of_result(result, now_ns)
        return refused or self.policy.on_result(result, self.select(result), now_ns, MAX_AGE_MS)

    def wait(self, ms: int) -> None:
        self.now_ms += ms

    def play(self, ms: int) -> Decision:
        """Frames at camera rate for so long."""
        for _ in range(0, ms, 33):
            self.wait(33)
            self.frame()
        return self.decision()

    def waits(self) -> bool:
        return self.policy.waits_for_mask(self.now_ms * MS)

    def decision(self) -> Decision:
        decision = self.policy.evaluate(self.now_ms * MS, MAX_AGE_MS)
        self.take_loss()
        return decision


@pytest.fixture
def scene() -> Scene:
    return Scene()


def live(scene: Scene) -> Scene:
    scene.frame()
    assert scene.masks() == ""
    assert scene.decision().state is State.LIVE
    return scene


def everybody(scene: Scene) -> Scene:
    scene.everybody = True
    scene.frame()
    assert scene.masks() == ""
    return scene


def test_it_starts_hidden_and_lives_on_a_fresh_mask(scene: Scene) -> None:
    scene.frame()
    assert scene.decision()[:2] == (State.STARTING, "no mask yet")
    scene.wait(40)
    scene.frame()
    assert scene.masks(0) == ""
    assert scene.decision()[:4] == (State.LIVE, "", 40, (PERSON,))


def test_it_enters_softly_and_leaves_at_once(scene: Scene) -> None:
    live(scene)
    assert scene.decision().opacity == 0
    scene.play(99)
    assert scene.decision().opacity == pytest.approx(99 * MS / ENTRY_NS)
    scene.play(300)
    assert scene.decision().opacity == 1
    scene.masks(who=0)
    assert scene.decision()[3:5] == ((), 0.0)
    scene.play(33)
    scene.masks()
    assert scene.decision().opacity == 0


def test_an_old_mask_hides_at_once_and_says_why(scene: Scene) -> None:
    live(scene)
    scene.play(495)
    assert scene.decision().state is State.LIVE
    assert scene.play(33)[:2] == (State.HIDDEN, "mask older than 500 ms")


def test_nobody_found_hides_and_is_not_the_same_as_silence(scene: Scene) -> None:
    live(scene)
    scene.play(33)
    scene.masks(who=0)
    assert scene.decision()[:2] == (State.HIDDEN, "nobody found")


def test_masks_that_must_not_be_used_are_refused_with_their_cause(scene: Scene) -> None:
    scene.frame()
    assert scene.masks(epoch=6) == "of another epoch"
    assert scene.masks(captured_ms=scene.now_ms + 1) == "from the future"
    assert scene.masks(captured_ms=scene.now_ms - 1) == "of a frame never seen"
    assert scene.masks(frame_id=2**40) == "of a frame never seen"
    assert scene.decision().state is State.STARTING
    assert scene.masks() == ""
    assert scene.masks() == "out of order"
    scene.play(600)
    assert scene.masks(1) == "stale"
    assert scene.decision().state is State.HIDDEN


def test_frames_that_must_not_be_shown_are_refused_with_their_cause(scene: Scene) -> None:
    assert scene.frame(age_ms=-1) == "from the future"
    assert scene.frame(age_ms=501) == "stale"
    assert scene.frame(frame_id=7) == ""
    for late in (7, 3):
        assert scene.frame(frame_id=late) == "out of order"


def test_a_new_epoch_hides_until_its_own_mask_comes(scene: Scene) -> None:
    live(scene)
    scene.frame(epoch=EPOCH + 1)
    assert scene.decision()[:3] == (State.HIDDEN, "no mask yet", -1.0)
    assert scene.masks() == ""
    assert scene.decision().state is State.LIVE


def test_no_frames_are_a_loss_after_three_periods_and_no_sooner(scene: Scene) -> None:
    live(scene)
    scene.wait(500)
    assert scene.decision().state is State.LIVE
    scene.wait(1)
    assert scene.decision()[:2] == (State.LOST, "no frame comes from capture")
    slow = Scene()
    slow.frame()
    slow.wait(1000)
    slow.frame()
    slow.wait(2999)
    assert slow.decision().state is not State.LOST
    slow.wait(2)
    assert slow.decision().state is State.LOST


def slow(scene: Scene, period_ms: int = 1000) -> Scene:
    """A source of long periods whose frames were shown, each with its own mask."""
    for _ in range(3):
        scene.frame()
        scene.masks()
        assert scene.decision().state is State.LIVE
        scene.wait(period_ms)
    return scene


def test_a_frame_that_stands_is_shown_with_its_own_mask_until_the_source_is_silent(scene: Scene) -> None:
    slow(scene)
    scene.frame()
    scene.wait(900)
    assert scene.masks() == "", "later than any mask of another frame"
    assert scene.decision().state is State.LIVE
    scene.wait(2100)
    assert scene.decision()[:3] == (State.LIVE, "", 3000)
    scene.wait(1)
    assert scene.decision().state is State.LOST


def test_the_mask_of_another_frame_or_of_an_older_look_is_as_old_as_ever(scene: Scene) -> None:
    slow(scene)
    scene.frame()
    scene.wait(750)
    assert scene.decision()[:2] == (State.HIDDEN, "mask older than 500 ms"), "the mask of the frame before"
    assert scene.masks(held_ms=450) == "stale"
    assert scene.decision()[:2] == (State.HIDDEN, "mask older than 500 ms"), "said again of an earlier frame"


def test_the_area_of_an_older_mask_that_is_held_is_not_the_frames_own(scene: Scene) -> None:
    slow(scene)
    scene.frame()
    scene.answer = Selection((PERSON,))  # what the tracker says where the result missed the subject
    assert scene.masks(who=0) == ""
    assert scene.decision().state is State.LIVE
    scene.wait(MAX_AGE_MS + 1)
    assert scene.decision()[:2] == (State.HIDDEN, "mask older than 500 ms")


def test_a_frame_of_a_slow_source_waits_for_its_mask_while_somebody_is_shown(scene: Scene) -> None:
    slow(scene)
    assert not scene.waits(), "the frame that is shown"
    before = scene.decision()
    scene.frame()
    assert scene.waits()
    scene.wait(749)
    assert scene.waits() and scene.decision() == before
    scene.wait(1)
    assert not scene.waits(), "for three quarters of the period"
    scene.wait(250)
    scene.frame()
    assert scene.waits()
    scene.masks()
    assert not scene.waits(), "it has come"
    assert scene.decision().opacity == 1, "nobody has faded out"


def hidden_after_ms(periods_ms: list[int]) -> int:
    """Return how long after its last frame a source that stops is shown. It came at such times, each frame with its own mask."""
    scene = Scene()
    for period_ms in [*periods_ms, 0]:
        scene.frame()
        scene.masks()
        assert scene.decision().state is State.LIVE
        scene.wait(period_ms)
    stopped_ms = scene.now_ms
    while scene.decision().state is not State.LOST and scene.now_ms < stopped_ms + 30_000:
        scene.wait(50)
    return scene.now_ms - stopped_ms


@given(st.lists(st.integers(1, 4000), max_size=8))
def test_whatever_its_rhythm_a_source_that_stops_is_hidden_in_time(periods_ms: list[int]) -> None:
    bound_ms = 3 * LONGEST_NS // MS if min(periods_ms[-2:], default=0) > 166 else 500
    assert hidden_after_ms(periods_ms) <= bound_ms + 50


def test_without_an_end_to_patience_it_is_hidden_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    monkeypatch.setattr("common.ipc.source_period.LONGEST_NS", 1 << 62)
    assert hidden_after_ms([4000, 4000]) > 3 * LONGEST_NS // MS + 50


@pytest.mark.parametrize(
    "what",
    [
        lambda s: (s.wait(750), s.decision(), s.wait(250), s.frame()),
        lambda s: s.frame(epoch=9),
        lambda s: s.lose() or s.frame(),
        lambda s: s.policy.set_privacy(False),
        lambda s: s.masks(max(s.frames) - 1, who=0),
    ],
    ids=["a mask was late", "another epoch", "loss", "privacy off", "nobody in the frame before"],
)
def test_nothing_waits_where_nobody_may_be_shown(what: Callable[[Scene], object], scene: Scene) -> None:
    slow(scene)
    scene.frame()
    scene.wait(1000)
    scene.frame()
    assert scene.waits()
    what(scene)
    assert not scene.waits()


def test_a_fast_source_never_waits(scene: Scene) -> None:
    slow(scene, 500)
    scene.frame()
    assert not scene.waits()


def test_a_lost_source_hides_at_once_and_what_follows_starts_closed(scene: Scene) -> None:
    live(scene)
    scene.lose("the camera was unplugged")
    assert scene.decision()[:2] == (State.LOST, "the camera was unplugged")
    scene.frame()  # even of the same epoch
    assert scene.decision()[:2] == (State.HIDDEN, "no mask yet")


def test_off_is_an_explicit_act_and_on_again_starts_closed(scene: Scene) -> None:
    live(scene)
    scene.policy.set_privacy(False)
    assert scene.decision()[:2] == (State.OFF, "turned off by hand")
    scene.policy.set_privacy(True)
    assert scene.decision()[:2] == (State.HIDDEN, "no mask since privacy was turned on")


@pytest.mark.parametrize("what", [lambda s: s.frame(epoch=9), lambda s: s.lose() or s.frame()])
def test_another_epoch_turns_privacy_on_again(what: Callable[[Scene], object], scene: Scene) -> None:
    live(scene)
    scene.policy.set_privacy(False)
    what(scene)
    assert scene.policy.privacy
    assert scene.decision().state is State.HIDDEN


# every state × every event: the state that follows
REACH: dict[State, Callable[[Scene], object]] = {
    State.STARTING: lambda s: s.frame(),
    State.LIVE: live,
    State.EVERYBODY: everybody,
    State.HIDDEN: lambda s: live(s).frame(epoch=8),
    State.LOST: lambda s: live(s).lose(),
    State.OFF: lambda s: live(s).policy.set_privacy(False),
    State.INSTANCES: lambda s: live(s).policy.set_view(True),
}
EVENTS: dict[str, Callable[[Scene], object]] = {
    "frame": lambda s: s.play(33),
    "frame of another epoch": lambda s: s.frame(epoch=99),
    "masks with somebody": lambda s: (s.play(33), s.masks()),
    "masks with nobody": lambda s: (s.play(33), s.masks(who=0)),
    "masks of another epoch": lambda s: s.masks(epoch=77),
    "no masks for long": lambda s: s.play(600),
    "no frames for long": lambda s: s.wait(501),
    "no frames for very long": lambda s: s.wait(2001),
    "source lost": lambda s: s.lose(),
    "privacy on": lambda s: s.policy.set_privacy(True),
    "privacy off": lambda s: s.policy.set_privacy(False),
    "view on": lambda s: s.policy.set_view(True),
    "view off": lambda s: s.policy.set_view(False),
}
S, L, E, H, X, P, V = State  # in the order of their declaration
FOLLOWS: dict[str, dict[State, State]] = {
    "frame": {S: S, L: L, E: E, H: H, X: H, P: P, V: V},
    "frame of another epoch": {S: S, L: H, E: H, H: H, X: H, P: H, V: H},
    "masks with somebody": {S: L, L: L, E: E, H: L, X: L, P: P, V: V},
    "masks with nobody": {S: H, L: H, E: H, H: H, X: H, P: P, V: V},
    "masks of another epoch": {S: S, L: L, E: E, H: H, X: X, P: P, V: V},
    "no masks for long": {S: S, L: H, E: H, H: H, X: H, P: P, V: V},
    "no frames for long": {S: X, L: X, E: X, H: X, X: X, P: X, V: X},
    "no frames for very long": {S: X, L: X, E: X, H: X, X: X, P: X, V: X},
    "source lost": {S: X, L: X, E: X, H: X, X: X, P: X, V: X},
    "privacy on": {S: S, L: L, E: E, H: H, X: X, P: H, V: H},
    "privacy off": {S: P, L: P, E: P, H: P, X: X, P: P, V: P},
    "view on": {S: V, L: V, E: V, H: V, X: X, P: V, V: V},
    "view off": {S: S, L: L, E: E, H: H, X: X, P: H, V: H},
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", State)
def test_what_follows_each_event_in_each_state(state: State, event: str, scene: Scene) -> None:
    REACH[state](scene)
    assert scene.decision().state is state
    EVENTS[event](scene)
    assert scene.decision().state is FOLLOWS[event][state]


HISTORIES = st.lists(
    st.one_of(
        st.tuples(st.just("frame"), st.sampled_from([5, 6]), st.integers(-40, 900)),
        st.tuples(
            st.just("masks"),
            st.integers(0, 30),
            st.sampled_from([5, 6]),
            st.booleans(),
            st.booleans(),
            st.sampled_from([0, 0, 100, 400]),
        ),
        st.tuples(st.just("wait"), st.integers(0, 800)),
        st.tuples(st.just("lose")),
        st.tuples(st.just("privacy"), st.booleans()),
        st.tuples(st.just("view"), st.booleans()),
    ),
    max_size=60,
)


class Model:
    """What may be seen: the newest result whose frame was looked at since the last cut (epoch, loss, privacy on)."""

    def __init__(self) -> None:
        self.scene = Scene()
        # when the frame was captured that was looked at, whether somebody was found, and the frame that it is the own mask of
        self.allowed: tuple[int, bool, int | None] | None = None
        self.off = self.view = False
        self.lost_ms = self.seen_ms = self.losses = self.epoch = 0

    def close(self) -> None:
        self.allowed, self.off, self.view = None, False, False

    def frame(self, epoch: int, age_ms: int) -> None:
        before, known = self.scene.epoch, dict(self.scene.frames)
        if self.scene.frame(epoch=epoch, age_ms=age_ms):
            self.scene.epoch, self.scene.frames = before, known  # the policy knows nothing of it
            return
        assert self.scene.now_ms - age_ms >= self.lost_ms
        if epoch != self.epoch:
            self.close()
        self.seen_ms, self.epoch = self.scene.now_ms, epoch

    def masks(self, number: int, epoch: int, *, somebody: bool, honest: bool, held_ms: int) -> None:
        captured = self.scene.frames.get(number)
        claim = (captured if captured is not None else self.scene.now_ms) - (0 if honest else 7)
        refused = self.scene.masks(number, epoch=epoch, captured_ms=claim, who=int(somebody), held_ms=held_ms)
        if refused in ("", "stale"):
            assert epoch == self.scene.epoch and honest and captured is not None
            assert captured - held_ms >= self.lost_ms
            self.allowed = (captured - held_ms, somebody, None if held_ms else number)

    def lose(self) -> None:
        self.close()
        self.scene.frames = {}
        self.lost_ms, self.losses = self.scene.now_ms, self.losses + 1

    def turn(self, off: bool, view: bool) -> None:
        if self.off and not off:
            self.allowed = None
        self.off, self.view = off, view

    def happens(self, event: tuple[object, ...]) -> None:
        match event:
            case ("frame", int(epoch), int(age_ms)):
                self.frame(epoch, age_ms)
            case ("masks", int(number), int(epoch), bool(somebody), bool(honest), int(held_ms)):
                self.masks(number, epoch, somebody=somebody, honest=honest, held_ms=held_ms)
            case ("wait", int(ms)):
                self.scene.wait(ms)
            case ("lose",):
                self.scene.lose()
                self.lose()
            case ("privacy", bool(on)):
                self.scene.policy.set_privacy(on)
                self.turn(not on, False)
            case ("view", bool(on)):
                self.scene.policy.set_view(on)
                self.turn(on, on)
        silent_ns = (self.scene.now_ms - self.seen_ms) * MS
        if self.scene.frames and silent_ns > self.scene.policy._period.patience_ns(LOSS_NS):
            self.lose()


@settings(max_examples=400, deadline=None)  # a busy machine may take long for any example
@given(HISTORIES)
def test_whatever_happens_nobody_is_seen_without_a_fresh_mask_of_this_epoch(history: list[tuple[object, ...]]) -> None:
    model, was_live, last = Model(), False, None
    scene = model.scene
    for event in history:
        model.happens(event)
        decision = scene.decision()
        if scene.waits():
            assert was_live and decision == last, "what is shown is of the frame before"
            assert scene.now_ms - model.seen_ms < LONGEST_NS / MS
            continue
        last = decision
        assert scene.forgotten == model.losses
        assert decision.state not in (State.OFF, State.INSTANCES) or model.off
        assert decision.state is not State.INSTANCES or model.view
        assert scene.policy.privacy is not model.off
        if decision.state is State.LIVE:
            assert model.allowed is not None and model.allowed[1]
            assert 0 <= decision.mask_age_ms == scene.now_ms - model.allowed[0]
            assert decision.mask_age_ms <= MAX_AGE_MS or model.allowed[2] == max(scene.frames), (
                "old, and of another frame"
            )
            assert decision.subjects == (PERSON,)
            assert 0 <= decision.opacity <= 1 and (was_live or decision.opacity == 0)
        else:
            assert decision.subjects == () and decision.opacity == 0
            assert decision.reason
        was_live = decision.state is State.LIVE


def test_a_command_is_for_the_epoch_and_the_moment_it_was_made_in() -> None:
    scene = live(Scene())
    now_ns, off = scene.now_ms * MS, SetPrivacy(False)

    def refused(epoch: int, age_ms: int, wanted: Command = off) -> str:
        return scene.policy.refusal_of_command(CommandIssued(epoch, now_ns - age_ms * MS, wanted), now_ns)

    assert refused(EPOCH, 0) == refused(EPOCH, 1500) == ""
    assert refused(EPOCH, 1501) == "too late"
    assert refused(EPOCH, -1) == "from the future"
    assert refused(EPOCH + 1, 0) == refused(0, 0) == "for another epoch"
    for hides in (SetPrivacy(True), SetView(False), SetHide("room")):
        assert refused(EPOCH + 1, 3_000, hides) == "", "to hide is never refused"


def test_everybody_is_a_state_of_its_own() -> None:
    scene = Scene()
    scene.everybody = True
    scene.frame()
    scene.masks(who=2)
    decision = scene.decision()
    assert (decision.state, decision.subjects, decision.shows_people) == (State.EVERYBODY, (PERSON, PERSON), True)
    scene.play(33)
    scene.masks(who=0)
    assert (scene.decision().state, scene.decision().everybody) == (State.HIDDEN, True), "who comes next is shown"
    assert scene.play(MAX_AGE_MS + 40).state is State.HIDDEN


def test_the_question_is_passed_on_while_the_subject_is_hidden() -> None:
    scene = Scene()
    scene.answer = Selection((), "not sure", question="is this you?")
    scene.frame()
    scene.masks()
    assert scene.decision()[:2] == (State.HIDDEN, "not sure")
    assert scene.decision().question == "is this you?"
    scene.lose()
    assert scene.decision().question == ""


def test_a_short_silence_hides_and_forgets_nothing(scene: Scene) -> None:
    live(scene)
    scene.policy.set_privacy(False)
    scene.wait(LOSS_NS // MS)
    assert scene.decision().state is State.LOST
    scene.frame()
    assert (scene.decision().state, scene.policy.privacy, scene.forgotten) == (State.OFF, False, 0)


@pytest.mark.parametrize("is_judged", [True, False], ids=["seen by compose", "compose stood still too"])
def test_two_seconds_of_silence_are_a_loss(is_judged: bool, scene: Scene) -> None:
    live(scene)
    scene.policy.set_privacy(False)
    scene.wait(LOSS_NS // MS + 1)
    if is_judged:
        assert scene.decision()[:2] == (State.LOST, "no frame comes from capture")
        assert scene.policy.privacy
    scene.wait(500)
    assert scene.frame(frame_id=2, age_ms=20) == ""
    assert (scene.decision().state, scene.policy.privacy, scene.forgotten) == (State.HIDDEN, True, 1)
    assert scene.masks(0) == "of a frame never seen"
    assert scene.masks(2, held_ms=1000) == "from before a loss", "what stood still was looked at before it"
    assert scene.decision().state is State.HIDDEN
    scene.wait(33)
    assert scene.frame(frame_id=3) == ""
    assert scene.masks(3) == ""
    assert scene.decision().state is State.LIVE


def test_a_slow_source_is_never_lost_by_its_own_rhythm() -> None:
    scene = Scene()
    for _ in range(9):
        scene.frame()
        scene.masks()
        assert scene.decision().state is State.LIVE
        scene.wait(1000)
        scene.decision()
    assert scene.forgotten == 0


def test_a_frame_of_before_a_loss_is_not_shown_after_it(scene: Scene) -> None:
    """The machine slept: by the clock a frame that waited meanwhile is as fresh as ever."""
    live(scene)
    scene.wait(33)
    scene.lose("the computer was asleep")
    assert scene.frame(frame_id=1, age_ms=1) == "from before a loss"
    assert scene.decision()[:2] == (State.LOST, "the computer was asleep")
    assert scene.frame(frame_id=2) == ""
    assert scene.decision().state is State.HIDDEN


def test_a_command_of_before_a_loss_is_refused_and_so_is_one_made_at_a_card(scene: Scene) -> None:
    live(scene)
    scene.wait(100)
    scene.lose()
    for wanted in (SetPrivacy(False), SetView(True)):
        at_card = CommandIssued(EPOCH, scene.now_ms * MS, wanted)
        assert scene.policy.refusal_of_command(at_card, scene.now_ms * MS) == "while there is no picture"
    old = CommandIssued(EPOCH, (scene.now_ms - 1) * MS, SetPrivacy(False))
    scene.wait(33)
    scene.frame()
    for late in (old, replace(old, command=SetView(True)), replace(old, command=SelectSubject(1))):
        assert scene.policy.refusal_of_command(late, scene.now_ms * MS) == "from before a loss"
    assert scene.policy.refusal_of_command(replace(old, command=SetPrivacy(True)), scene.now_ms * MS) == ""
    assert scene.policy.refusal_of_command(replace(old, issued_ns=scene.now_ms * MS), scene.now_ms * MS) == ""


def test_a_result_that_is_said_again_is_as_old_as_the_frame_that_was_looked_at(scene: Scene) -> None:
    live(scene)
    for held_ms in range(100, MAX_AGE_MS + 1, 100):
        scene.wait(100)
        scene.frame()
        assert scene.masks(held_ms=held_ms) == ""
        assert scene.decision()[:3] == (State.LIVE, "", held_ms)
    scene.wait(33)
    scene.frame()
    assert scene.masks(held_ms=MAX_AGE_MS + 33) == "stale"
    assert scene.decision()[:2] == (State.HIDDEN, "mask older than 500 ms")


def test_a_result_that_was_not_asked_about_is_an_error_and_shows_nobody(scene: Scene) -> None:
    """Whoever hands a result over must have asked whether it may be used: else the tracker would follow it."""
    scene.frame()
    now_ns = scene.now_ms * MS
    other = MasksInferred(EPOCH + 1, 0, now_ns, MS, "w", "m", (PERSON,))
    assert scene.policy.refusal_of_result(other, now_ns) == "of another epoch"
    with pytest.raises(RuntimeError, match="of another epoch"):
        scene.policy.on_result(other, Selection((PERSON,)), now_ns, MAX_AGE_MS)
    assert scene.decision().state is State.STARTING
    assert scene.masks() == ""
    with pytest.raises(RuntimeError, match="out of order"):
        scene.policy.on_result(replace(other, epoch=EPOCH), Selection((PERSON,)), now_ns, MAX_AGE_MS)


def test_a_loss_that_nobody_took_is_an_error_and_shows_nobody(scene: Scene) -> None:
    """The tracker was not told to forget, so whom it chose may be somebody of before the loss."""
    live(scene)
    scene.policy.on_source_lost("gone", scene.now_ms * MS)
    now_ns = (scene.now_ms + 33) * MS
    assert scene.policy.on_frame(FrameInfo(EPOCH, 1, now_ns, 1, "onlyme-0-x", 1, 4, 4), now_ns) == ""
    result = MasksInferred(EPOCH, 1, now_ns, MS, "w", "m", (PERSON,))
    assert scene.policy.refusal_of_result(result, now_ns) == ""
    with pytest.raises(RuntimeError, match="before take_loss"):
        scene.policy.on_result(result, Selection((PERSON,)), now_ns, MAX_AGE_MS)
    assert scene.policy.evaluate(now_ns, MAX_AGE_MS).state is State.HIDDEN
    assert scene.policy.take_loss() and not scene.policy.take_loss(), "once"
    assert scene.policy.on_result(result, Selection((PERSON,)), now_ns, MAX_AGE_MS) == ""
    assert scene.policy.evaluate(now_ns, MAX_AGE_MS).state is State.LIVE


def test_a_decision_says_which_frame_it_was_made_for(scene: Scene) -> None:
    scene.frame()
    scene.frame(frame_id=7)
    assert scene.decision().frame == (EPOCH, 7)
    scene.frame(epoch=EPOCH + 1, frame_id=3)
    assert scene.decision().frame == (EPOCH + 1, 3)
    scene.frame(frame_id=2)  # out of order: it is not painted
    assert scene.decision().frame == (EPOCH + 1, 3)
