from __future__ import annotations

import numpy as np
import pytest

from common.ipc.records import Instance
from common.vision.grid import on_grid
from compose.who.flow import Flow, FlowMeter
from compose.who.neighbours import Near
from compose.who.region import EMPTY_BOX, GRID_W, MAP_ERROR, PresentFrame, Region, eroded, grid_wh, limited
from compose.who.region_state import MIN_TRAVEL, RegionState
from tests.compose.who.test_flow import texture
from tests.people import at_ns

WH = (GRID_W, 144)
WHOLE = (0, 0, *WH)
BLACK = np.zeros((*WH[::-1], 3), np.uint8)
EMPTY = np.zeros(WH[::-1], np.uint8)


def block(x: float, y: int = 40, w: int = 40, h: int = 80) -> np.ndarray:
    area = np.zeros(WH[::-1], np.uint8)
    area[y : y + h, max(round(x), 0) : round(x) + w] = 255
    return area


def share(area: np.ndarray | None, of: np.ndarray) -> float:
    """How much of `of` lies in `area`."""
    assert area is not None
    return float(((area > 0) & (of > 0)).sum() / (of > 0).sum())


def propagated(region: Region, frame_id: int, likely: np.ndarray, flow: Flow | None = None) -> RegionState:
    region.push(PresentFrame(frame_id, at_ns(frame_id), BLACK, BLACK, EMPTY, flow, frame_id - 1))
    return region.propagate(likely, WHOLE)


def correct(region: Region, frame_id: int, *areas: np.ndarray, is_same: bool = True, is_new: bool = False) -> None:
    region.correct(frame_id, at_ns(frame_id), *areas, is_same=is_same, is_new=is_new)


def test_the_grid_keeps_the_frame_s_proportions() -> None:
    assert grid_wh((1280, 720)) == (256, 144)
    assert grid_wh((720, 1280)) == (144, 256)
    assert grid_wh((1280, 40)) == (256, 8) and grid_wh((40, 1280)) == (8, 256)


def test_an_instance_lies_on_the_grid_where_its_box_is() -> None:
    area = on_grid(Instance(0, 0.9, (0.25, 0.5, 0.5, 1.0), 2, 2, bytes([255, 255, 0, 0])), WH, 0.3)
    assert area.shape == WH[::-1]
    assert (area[72:90, 64:128] == 255).all() and not area[135:].any() and not area[:, :64].any()


def test_before_a_result_nobody_is_anywhere() -> None:
    assert Region().area is None
    assert Region().lookup(3) is None


def test_an_area_that_was_predicted_before_the_matte_came_is_the_same() -> None:
    states = []
    for is_predicted in (True, False):
        region, meter = Region(), FlowMeter()
        correct(region, 0, block(20), block(120), block(22, w=36))
        for number in range(1, 4):
            flow = meter.measure(np.roll(texture(3, *WH[::-1]), 2 * number, 1))
            region.push(PresentFrame(number, at_ns(number), BLACK, BLACK, EMPTY, flow, number - 1))
            if is_predicted:
                predicted = region.predict(number)
                assert predicted is not None
                assert not np.array_equal(predicted, block(20 + number, w=43))
            state = region.propagate(block(20 + number, w=43), WHOLE)
        states.append(state)
    assert all(np.array_equal(one, other) for one, other in zip(*states, strict=True))


def test_a_frame_that_was_skipped_is_known_by_the_one_before_it() -> None:
    region = Region()
    correct(region, 0, block(20), EMPTY, EMPTY)
    propagated(region, 1, block(22))
    assert region.lookup(2) is None, "nobody knows yet where it goes"
    propagated(region, 4, block(28))
    assert region.lookup(2) is region.lookup(1)
    assert region.lookup(2) is not None


def test_a_result_for_a_forgotten_frame_changes_nothing() -> None:
    """Over a hole that nothing is known of, the area would be taken to whoever has come to stand there."""
    region = Region()
    for frame_id in range(8):
        region.push(PresentFrame(frame_id, at_ns(frame_id), BLACK, BLACK, EMPTY, None, frame_id - 1))
    correct(region, 3, block(20), EMPTY, EMPTY)
    region.prune(6)
    correct(region, 5, block(120), EMPTY, EMPTY)
    assert region.lookup(5) is not None and share(region.lookup(5), block(20)) == 1
    correct(region, 6, block(120), EMPTY, EMPTY)
    assert region.lookup(6) is not None and share(region.lookup(6), block(120)) == 1
    assert region.lookup(7) is not None


@pytest.mark.parametrize("is_same", [True, False])
def test_of_whom_another_choice_picks_all_is_shown_at_once(is_same: bool) -> None:
    """Who was beside the subject and is picked too has not gone behind it."""
    region = Region()
    correct(region, 0, block(20), block(62), EMPTY)
    correct(region, 3, block(20), block(62), EMPTY)
    both = np.maximum(block(20), block(62))
    correct(region, 6, both, EMPTY, EMPTY, is_same=is_same)
    assert share(region.area, block(20)) == 1
    assert (share(region.area, block(62)) == 1) is not is_same


def test_where_the_subject_was_lately_is_forgotten_where_the_matte_does_not_look_too() -> None:
    region = Region()
    correct(region, 0, block(20, w=80), EMPTY, EMPTY)
    correct(region, 1, block(20), EMPTY, EMPTY)
    for frame_id in range(2, 32):
        region.push(PresentFrame(frame_id, at_ns(frame_id), BLACK, BLACK, EMPTY, None, frame_id - 1))
        state = region.propagate(None, EMPTY_BOX)
        if frame_id == 5:
            assert share(state.recent, block(70, w=20)) == 1, "the negative control"
    assert share(state.recent, block(20)) == 1
    assert share(state.recent, block(70, w=20)) == 0


def test_after_a_long_time_without_a_result_the_area_is_narrowed_as_after_a_short_one() -> None:
    region = Region()
    correct(region, 0, block(20), EMPTY, EMPTY)
    known, near = propagated(region, 1, block(20)), Near(beside=True, hidden=False)
    wide = np.full_like(EMPTY, 255)
    of_hours, of_seconds = (limited(wide, known, near, frames, at_ns(frames)) for frames in (10**6, 96))
    assert (of_hours == of_seconds).all()
    assert not limited(wide, known, near, 1, at_ns(1)).all()


@pytest.mark.parametrize("speed", [0.0, 1.0, 4.0, 8.0])
def test_the_region_follows_a_mover(speed: float) -> None:
    region = Region()
    correct(region, 0, block(20), EMPTY, EMPTY)
    for frame_id in range(1, 20):
        # a fast mover is caught by results, not by rolling alone
        if frame_id % 3 == 0:
            correct(region, frame_id - 2, block(20 + speed * (frame_id - 2)), EMPTY, EMPTY)
        propagated(region, frame_id, block(20 + speed * frame_id))
    assert share(region.area, block(20 + speed * 19)) > 0.95


def test_what_the_matte_does_not_call_a_person_is_nobody() -> None:
    region = Region()
    correct(region, 0, block(20), EMPTY, EMPTY)
    assert not propagated(region, 1, EMPTY).subject.any()


def test_the_others_are_not_swallowed_where_they_touch() -> None:
    region = Region()
    correct(region, 0, block(20), block(60), EMPTY)
    both = np.maximum(block(20), block(60))
    for frame_id in range(1, 60):
        state = propagated(region, frame_id, both)
    assert share(state.subject, block(62, w=38)) == 0
    assert share(state.subject, block(20, w=38)) == 1


def test_somebody_unseen_who_comes_near_is_reached_slowly_and_cut_off_by_the_next_result() -> None:
    region = Region()
    correct(region, 0, block(20), EMPTY, EMPTY)
    both = np.maximum(block(20), block(60))
    error = MAP_ERROR * (40 * 80) ** 0.5
    for frame_id in range(1, 4):
        propagated(region, frame_id, both)
    assert region.area is not None
    reached = int(np.nonzero(region.area.any(0))[0].max()) - 59
    assert reached <= 3 * (2 * MIN_TRAVEL + 1.6 * error) + error
    correct(region, 2, block(20), block(60), EMPTY)
    assert share(region.area, block(64, w=36)) == 0


def test_a_late_result_is_replayed_to_the_present() -> None:
    region = Region()
    correct(region, 0, block(20), EMPTY, EMPTY)
    for frame_id in range(1, 11):
        propagated(region, frame_id, block(20 + 2 * frame_id))
    before = region.area
    correct(region, 4, block(28), EMPTY, EMPTY)
    assert region.lookup(4) is not None and share(region.lookup(4), block(28)) == 1
    assert region.area is not None and before is not None
    assert share(region.area, block(40)) > 0.95
    assert region.lookup(2) is None, "what lay before the result is of no use any more"


def test_a_result_for_the_present_frame_is_taken_too() -> None:
    region = Region()
    region.push(PresentFrame(7, at_ns(7), BLACK, BLACK, EMPTY, None, 6))
    correct(region, 7, block(20), EMPTY, EMPTY)
    assert share(region.propagate(block(20), WHOLE).subject, block(20)) == 1


def test_frames_that_were_skipped_let_it_go_farther() -> None:
    region = Region()
    correct(region, 0, block(20), EMPTY, EMPTY)
    assert share(propagated(region, 1, block(30)).subject, block(30)) < 0.9
    correct(region, 0, block(20), EMPTY, EMPTY)
    assert share(propagated(region, 5, block(30)).subject, block(30)) > 0.95


def test_others_stay_where_nobody_looked() -> None:
    region = Region()
    correct(region, 0, block(20), block(200), EMPTY)
    region.push(PresentFrame(1, at_ns(1), BLACK, BLACK, EMPTY, None, 0))
    state = region.propagate(block(20)[:, :100], (0, 0, 100, 144))
    assert share(state.others, block(200)) == 1


@pytest.mark.parametrize("is_calm", [True, False])
def test_whom_the_matte_misses_is_not_reached_by_a_calm_subject(is_calm: bool) -> None:
    """Its box cut the bystander in two, it missed that half, and the area reached the shoulder first when frames were skipped."""
    flow = moving(0)
    if not is_calm:  # a dancer gets the limbs back that passed for somebody else's: the negative control
        flow.x[70:] -= 6
    region = Region()
    correct(region, 0, block(60), block(105, w=30), EMPTY)
    for frame_id in range(1, 4):
        propagated(region, frame_id, block(60), flow)
    region.push(PresentFrame(7, at_ns(7), BLACK, BLACK, EMPTY, flow, 3))
    state = region.propagate(np.maximum(block(60), block(101, w=34)), WHOLE)
    assert (share(state.subject, block(105, w=5)) == 0) is is_calm
    assert (share(state.others, block(105, w=30)) > 0.95) is is_calm


def moving(dx: float) -> Flow:
    """The whole picture moves to the right by `dx` pixels a frame, for certain."""
    x, y = np.meshgrid(np.arange(WH[0], dtype=np.float32), np.arange(WH[1], dtype=np.float32))
    sure = np.full(WH[::-1], 255, np.uint8)
    return Flow(x - np.float32(dx), y, sure, sure, EMPTY, EMPTY)


def test_where_the_matte_does_not_look_the_areas_go_with_the_picture() -> None:
    region = Region()
    correct(region, 0, block(20), block(150), eroded(block(20)))
    for frame_id in range(1, 11):
        region.push(PresentFrame(frame_id, at_ns(frame_id), BLACK, BLACK, EMPTY, moving(2), frame_id - 1))
        state = region.propagate(None, EMPTY_BOX)
    assert share(state.subject, block(40)) == 1 and share(state.others, block(170)) == 1
    assert share(state.certain, block(46, 50, 28, 60)) == 1


def test_what_is_certain_stays_the_subject_where_the_matte_misses_it_and_only_while_the_flow_is_known() -> None:
    region = Region()
    correct(region, 0, block(20), EMPTY, eroded(block(20)))
    assert share(propagated(region, 1, EMPTY, moving(2)).subject, block(28, 50, 24, 60)) == 1
    assert not propagated(region, 2, EMPTY, None).subject.any()


def test_who_comes_out_from_behind_a_calm_subject_is_not_swallowed() -> None:
    """At one result a second a bystander used to be shown as they came out on the other side."""
    still = moving(0)
    behind = Region()
    correct(behind, 0, block(60), block(40, w=20), eroded(block(60)))
    for frame_id in range(1, 40):
        both = np.maximum(block(60), block(40 + 2 * frame_id, 50, 40, 60))  # walks by behind the subject
        state = propagated(behind, frame_id, both, still)
    out = state.subject.copy()
    out[:, 60:100] = 0
    assert (out > 0).sum() <= 2 * 80, "at most a grid pixel at each side"


def test_alone_an_area_may_grow() -> None:
    region = Region()
    correct(region, 0, block(60), EMPTY, eroded(block(60)))
    for frame_id in range(1, 10):
        state = propagated(region, frame_id, block(60, w=40 + 2 * frame_id), moving(0))
    assert share(state.subject, block(60, w=56)) == 1


def test_what_a_result_gives_to_the_subject_where_somebody_is_hidden_behind_it_is_not_shown() -> None:
    """Half hidden behind the subject they passed for a part of it, and up to 90 % of what could be seen of them was shown."""
    mine, theirs, both = block(60), block(100, w=30), block(60, w=60)
    for is_known in (True, False):  # without a result that found the other one: the negative control
        region = Region()
        correct(region, 0, mine, theirs if is_known else EMPTY, eroded(mine))
        for frame_id in range(1, 13):
            propagated(region, frame_id, both, moving(0))
            if frame_id % 3 == 0:
                correct(region, frame_id, both, EMPTY, EMPTY)
        assert (share(region.area, block(102, w=18)) < 0.05) is is_known


def test_beside_somebody_who_is_not_found_whole_the_subject_comes_back_slowly() -> None:
    mine, both = block(60), block(60, w=60)
    region = Region()
    correct(region, 0, mine, block(100, w=30), EMPTY)
    for frame_id in range(1, 4):
        propagated(region, frame_id, block(60, w=70), moving(0))
    correct(region, 3, both, block(110, w=20), EMPTY)
    assert share(region.lookup(3), mine) == 1
    assert share(region.lookup(3), block(103, w=7)) == 0, "21 grid pixels a second"


def test_where_everybody_is_found_whole_results_are_believed() -> None:
    """Somebody passes in front of the subject: what they uncover is the subject again at once."""
    region = Region()
    correct(region, 0, block(60, w=20), block(80), EMPTY)
    for frame_id in range(1, 4):
        propagated(region, frame_id, block(60, w=70), moving(0))
    correct(region, 3, block(60, w=40), block(100), EMPTY)
    assert share(region.lookup(3), block(60, w=40)) == 1


def test_what_was_the_subject_a_moment_ago_comes_back_at_once_also_while_somebody_is_hidden() -> None:
    """A network misses an arm in one result and finds it in the next."""
    mine, less = block(60), block(60, w=30)
    region = Region()
    correct(region, 0, mine, block(100, w=30), EMPTY)
    for frame_id in range(1, 7):
        propagated(region, frame_id, mine, moving(0))
        if frame_id % 3 == 0:
            correct(region, frame_id, less if frame_id == 3 else mine, EMPTY, EMPTY)
            assert (share(region.lookup(frame_id), block(92, w=8)) > 0.95) is (frame_id == 6)


@pytest.mark.parametrize("is_left", [True, False])
def test_a_new_subject_who_comes_in_is_shown_as_far_as_they_have_come_and_who_comes_out_from_behind_them_is_not(
    is_left: bool,
) -> None:
    """Who came back from the door was cut for two seconds: nobody knew who was behind them."""

    def at(x: float, w: int = 40) -> np.ndarray:
        area = np.zeros_like(EMPTY)
        area[40:120, max(0, round(x)) : max(0, round(x) + w)] = 255
        return area if is_left else np.ascontiguousarray(area[:, ::-1])

    flow, region = moving(2 if is_left else -2), Region()
    correct(region, 0, at(-30), EMPTY, EMPTY, is_new=True)
    for frame_id in range(1, 19):
        mine = at(-30 + 2 * frame_id)
        propagated(region, frame_id, np.maximum(mine, at(2 * frame_id + 8, 30)), flow)
        if frame_id % 3 == 0:
            both = at(-30 + 2 * frame_id, 70)  # a result that counts somebody behind them as a part of them
            correct(region, frame_id, both, EMPTY, EMPTY, is_new=True)
    assert share(region.area, mine) > 0.95
    assert share(region.area, at(2 * 18 + 13, 27)) == 0


def test_who_moves_within_itself_is_not_eaten_where_somebody_may_be_hidden() -> None:
    """A dancer before spectators who were found in some results and not in others."""
    calm, dancing = moving(0), moving(0)
    dancing.x[70:] -= 6
    mine, wider = block(60), block(60, w=48)
    for flow, least in ((dancing, 0.9), (calm, 0.0)):
        region = Region()
        correct(region, 0, mine, block(100, w=30), EMPTY)
        propagated(region, 1, wider, flow)
        correct(region, 1, wider, EMPTY, EMPTY)
        assert (share(region.lookup(1), block(101, w=6)) > 0.5) is (least > 0)


def test_somebody_hidden_is_not_reached_by_who_moves_within_itself_between_two_results() -> None:
    """Hands were moved while somebody came out from behind: the area went where it liked, and showed them whole."""
    dancing, mine, both = moving(0), block(60), block(60, w=70)
    dancing.x[70:] -= 3
    for others in (EMPTY, block(100, w=30)):
        region = Region()
        correct(region, 0, mine, others, EMPTY)
        propagated(region, 1, mine, dancing)
        correct(region, 1, mine, EMPTY, EMPTY)
        for frame_id in range(2, 6):
            state = propagated(region, frame_id, both, dancing)
        assert state.occluding is bool(others.any())
        assert (share(state.subject, block(106, 42, 20, 22)) < 0.05) is state.occluding, (
            "where the subject does not move"
        )


def test_a_result_that_cannot_tell_the_subject_lets_its_area_go_on_without_growing() -> None:
    region, mine, both = Region(), block(60), block(60, w=90)
    correct(region, 0, mine, block(120, w=30), EMPTY)
    propagated(region, 1, both, moving(0))
    assert region.hold(1, at_ns(1), block(120, w=30))
    state = propagated(region, 2, both, moving(0))
    assert share(state.subject, mine) > 0.95
    assert share(state.subject, block(112, w=38)) == 0, "as far as it was when the result came"


def test_such_a_result_hides_whom_it_finds_and_more() -> None:
    region, mine = Region(), block(60)
    correct(region, 0, mine, EMPTY, EMPTY)
    propagated(region, 1, mine, moving(0))
    assert region.hold(1, at_ns(1), block(80, w=30))
    assert share(region.lookup(1), block(72, w=28)) == 0
    assert share(region.lookup(1), block(60, w=10)) == 1
    before = region.lookup(1)
    assert not region.hold(1, at_ns(1), mine), "nothing would be left"
    assert region.lookup(1) is before


def test_a_result_of_a_forgotten_frame_holds_nothing() -> None:
    region = Region()
    assert not region.hold(0, at_ns(0), EMPTY), "nor does one before the first that found the subject"
    correct(region, 0, block(60), EMPTY, EMPTY)
    propagated(region, 1, block(60))
    region.prune(1)
    assert not region.hold(0, at_ns(0), EMPTY)


def test_a_person_of_the_matte_who_is_not_the_subject_is_a_stray_only_while_the_area_must_not_grow() -> None:
    both = np.maximum(block(60), block(100, w=30))
    for others, expected in ((block(100, w=30), 1.0), (EMPTY, 0.0)):
        region = Region()
        correct(region, 0, block(60), others, EMPTY)
        for frame_id in (1, 2):
            propagated(region, frame_id, block(60), moving(0))
        correct(region, 2, block(60), EMPTY, EMPTY)
        assert share(propagated(region, 3, both, moving(0)).unassigned, block(102, 45, 26, 70)) == expected


def test_who_comes_in_between_two_results_is_a_stranger_before_they_touch() -> None:
    """At one result a second whoever came in quickly and touched the subject was shown whole."""
    region = Region()
    correct(region, 0, block(150), EMPTY, eroded(block(150)))
    for frame_id in range(1, 25):
        them = block(min(5 * frame_id - 30, 111), w=40)
        state = propagated(region, frame_id, np.maximum(block(150), them), moving(0))
    assert share(state.subject, them) < 0.03
    assert share(state.others, them) > 0.95
    assert share(state.subject, block(150)) > 0.95


@pytest.mark.parametrize("in_front", ["subject", "other"])
def test_where_both_may_be_the_picture_says_who_stands_in_front(in_front: str) -> None:
    """Unsure flow moves both areas as a whole, and they overlap: what moved with one of them belongs to that one."""
    wall, subject, other = (texture(seed, WH[1], WH[0]) for seed in range(3))

    def picture(step: int) -> np.ndarray:
        mine, theirs = block(100) > 0, block(60 + 2 * step) > 0
        layers = [(theirs, np.roll(other, 2 * step, 1)), (mine, subject)]
        drawn = wall.copy()
        for where, what in layers if in_front == "subject" else layers[::-1]:
            drawn[where] = what[where]
        return drawn

    meter = FlowMeter()
    meter.measure(picture(0))
    region = Region()
    correct(region, 0, block(100), block(60), eroded(block(100)))
    for frame_id in range(1, 8):
        flow = meter.measure(picture(frame_id))
        assert flow is not None
        state = propagated(region, frame_id, np.maximum(block(100), block(60 + 2 * frame_id)), flow)
    overlap = block(100, w=12)
    if in_front == "subject":
        assert share(state.subject, overlap) > 0.8
    else:
        assert share(state.subject, overlap) < 0.1
