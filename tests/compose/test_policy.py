from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from common.messages import Instance, MasksInferred
from compose.policy import Policy, State

PERSON = Instance(0, 0.9, (0.1, 0.1, 0.5, 0.9), 2, 2, bytes([255] * 4))
MS = 1_000_000
EPOCH = 5


def masks(
    frame_id: int, captured_ms: int, *, epoch: int = EPOCH, instances: tuple[Instance, ...] = (PERSON,)
) -> MasksInferred:
    return MasksInferred(epoch, frame_id, captured_ms * MS, MS, "w", "m", instances)


def policy() -> Policy:
    return Policy(confidence=0.5, max_mask_age_ms=500)


def test_it_starts_hidden_and_lives_on_a_fresh_mask() -> None:
    p = policy()
    assert p.judge(EPOCH, 0)[:2] == (State.STARTING, "no mask of this stream yet")
    assert p.accept(masks(3, 1000), EPOCH, 1100 * MS) == ""
    verdict = p.judge(EPOCH, 1200 * MS)
    assert (verdict.state, verdict.mask_age_ms, verdict.subject) == (State.LIVE, 200, PERSON)


def test_an_old_mask_hides_at_once_and_says_why() -> None:
    p = policy()
    p.accept(masks(3, 1000), EPOCH, 1100 * MS)
    assert p.judge(EPOCH, 1500 * MS).state is State.LIVE
    assert p.judge(EPOCH, 1501 * MS)[:2] == (State.HIDDEN, "mask older than 500 ms")


def test_nobody_found_hides_and_is_not_the_same_as_silence() -> None:
    p = policy()
    p.accept(masks(3, 1000), EPOCH, 1100 * MS)
    p.accept(masks(4, 1050, instances=()), EPOCH, 1100 * MS)
    assert p.judge(EPOCH, 1100 * MS)[:2] == (State.HIDDEN, "nobody found")


def test_what_must_not_be_used_is_refused_with_its_cause() -> None:
    p = policy()
    assert p.accept(masks(3, 1000, epoch=6), EPOCH, 1100 * MS) == "of another epoch"
    assert p.accept(masks(3, 2000), EPOCH, 1100 * MS) == "from the future"
    assert p.accept(masks(3, 1000), EPOCH, 1100 * MS) == ""
    for late in (3, 2):
        assert p.accept(masks(late, 1000), EPOCH, 1100 * MS) == "out of order"


def test_a_new_epoch_hides_until_its_own_mask_comes() -> None:
    p = policy()
    p.accept(masks(300, 1000), EPOCH, 1000 * MS)
    assert p.judge(EPOCH + 1, 1000 * MS).state is State.HIDDEN
    assert p.accept(masks(0, 1010, epoch=EPOCH + 1), EPOCH + 1, 1020 * MS) == ""
    assert p.judge(EPOCH + 1, 1020 * MS).state is State.LIVE


def test_off_is_an_explicit_act_and_on_again_starts_closed() -> None:
    p = policy()
    p.accept(masks(3, 1000), EPOCH, 1000 * MS)
    p.set_privacy(False)
    assert p.judge(EPOCH, 1000 * MS).state is State.OFF
    p.set_privacy(True)
    assert p.judge(EPOCH, 1000 * MS).state is State.HIDDEN


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("masks"), st.integers(0, 30), st.integers(-50, 3000), st.sampled_from([5, 6]), st.booleans()),
        st.tuples(st.just("wait"), st.integers(0, 800)),
        st.tuples(st.just("epoch"), st.sampled_from([5, 6])),
        st.tuples(st.just("privacy"), st.booleans()),
    ),
    max_size=40,
)


@given(EVENTS)
def test_whatever_happens_nobody_is_seen_without_a_fresh_mask_of_this_epoch(events: list[tuple[object, ...]]) -> None:
    p, now_ms, epoch, privacy = policy(), 3000, EPOCH, True
    for event in events:
        match event:
            case ("masks", int(frame_id), int(age), int(of), bool(somebody)):
                p.accept(
                    masks(frame_id, max(0, now_ms - age), epoch=of, instances=(PERSON,) if somebody else ()),
                    epoch,
                    now_ms * MS,
                )
            case ("wait", int(ms)):
                now_ms += ms
            case ("epoch", int(to)):
                epoch = to
            case ("privacy", bool(on)):
                p.set_privacy(on)
                privacy = on
        verdict = p.judge(epoch, now_ms * MS)
        assert (verdict.state is State.OFF) is (not privacy)
        if verdict.subject is not None:
            assert verdict.state is State.LIVE
            assert 0 <= verdict.mask_age_ms <= 500
            assert p._masks is not None and p._masks.epoch == epoch and p._masks.instances
