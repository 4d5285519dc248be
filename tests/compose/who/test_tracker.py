"""The tracker on the demo scene, whose masks are exact: results are late and rare, the bystander's score the higher."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from capture.demo import DemoScene, Place, Places, sways
from capture.sprite import Sprite
from common.errors import AssetError
from common.ipc.messages import MasksInferred
from common.ipc.records import FrameInfo, Instance, SelectSubject
from common.settings.detection import MASK_AGE_ALONE_MS, MASK_AGE_MS
from common.vision.assets import MATTE, fetch
from common.vision.coco import NAMES
from common.vision.pyramid import ImagePyramid
from common.vision.selfie_matte import Matte
from compose.picture import edge as module
from compose.picture.alpha import Alpha, placed
from compose.picture.edge import Edge, open_edge
from compose.picture.guided_edge import GuidedEdge
from compose.picture.matte_edge import MatteEdge, MattePace
from compose.picture.renderer import OUTLINE_BGR, Renderer
from compose.policy import Decision, State
from compose.settings import ComposeSettings
from compose.who.region import HISTORY, PresentFrame, Region
from compose.who.selection import NEW_NS, NOT_HERE, Selection
from compose.who.tracker import Tracker
from tests.faults.worker import instance_of
from tests.people import BEHIND_S, SHOWN, SITUATIONS, at_ns, behind, exact, play, scene_of, tracker_of
from tests.returns import PEOPLE, dressed

SIZE, FPS = (640, 360), 30
OUT_OF_SIGHT = 132  # frame of the demo: the bystander is behind the subject
LARGE = 0.01  # of the picture: whoever fills less is hardly recognised


@pytest.fixture(scope="module")
def scene() -> DemoScene:
    return DemoScene(*SIZE, FPS)


@pytest.fixture(scope="module")
def matte() -> Matte:
    return Matte(fetch(MATTE))


def frame(index: int, epoch: int = 1) -> FrameInfo:
    return FrameInfo(epoch, index, at_ns(index), index, "s", index, SIZE[1], SIZE[0])


def truth(scene: DemoScene, index: int, mine: float, theirs: float, epoch: int = 1) -> MasksInferred:
    masks = scene.masks(index)
    found = (instance_of(masks.subject, mine), instance_of(masks.bystander, theirs))
    return MasksInferred(epoch, index, at_ns(index), 1, "w", "m", tuple(i for i in found if i is not None))


def said_of(result: MasksInferred, index: int) -> MasksInferred:
    """The same of another frame."""
    return replace(result, frame_id=index, captured_ns=at_ns(index))


def edge_of(tracker: Tracker, subjects: tuple[Instance, ...]) -> Alpha:
    """The subject on the frame that the tracker was given last."""
    tracker.refine(subjects)
    return tracker.alpha()


@pytest.fixture(scope="module", params=SITUATIONS)
def situation(request: pytest.FixtureRequest) -> DemoScene:
    return scene_of(request.param, 0)


@pytest.mark.parametrize("hz", [12, 2])
def test_the_subject_is_kept_whatever_a_surer_person_does(hz: float, situation: DemoScene, matte: Matte) -> None:
    shown = play(situation, tracker_of(matte), exact(situation, hz))
    assert shown.switches == 0
    assert np.mean(shown.iou) > 0.87
    assert np.mean(shown.bystander) < 0.03, "python -m tests.bench people says how much in each situation"


@pytest.mark.parametrize("hz", [10, 3])
def test_somebody_in_the_same_jumper_who_takes_the_seat_is_not_shown(hz: float, matte: Matte) -> None:
    """They come in where the subject went out 0.3 s before, and were shown for as long as they stayed."""

    def course(seconds: float, wide: float) -> Places:
        went, came = (max(0.0, seconds - begins_s) * 0.6 for begins_s in (1.5, 3.05))
        mine = sways(seconds)
        theirs = Place(min(0.5, came - wide / 2), 1.0)
        return Places(mine._replace(centre=mine.centre - went) if went < 1.0 else None, theirs if came else None)

    scene = DemoScene(*SIZE, FPS, course)
    scene._subject, scene._bystander = (
        Sprite(*dressed(name, "red", round(share * SIZE[1]), False))
        for name, share in zip(PEOPLE, (0.80, 0.66), strict=True)
    )
    shown = play(scene, tracker_of(matte), exact(scene, hz))
    assert shown.switches == 0
    assert np.mean(shown.iou) > 0.87, "until it left the subject was shown"
    assert max(shown.bystander) < 0.03


def test_without_the_lock_the_surer_person_takes_over(matte: Matte) -> None:
    """The negative control: the scenes above are hard enough to tell."""
    top = Tracker(ComposeSettings(subject="top"), MatteEdge(matte, MattePace()))
    scene = scene_of("crossing", 0)
    shown = play(scene, top, exact(scene, 12))
    assert shown.switches > 20
    assert np.mean(shown.bystander) > 0.3


def test_the_edge_belongs_to_the_present_frame(matte: Matte) -> None:
    scene = scene_of("entering", 0)
    none = Tracker(ComposeSettings(refine="none"), None)
    now, before = (play(scene, tracker, exact(scene, 5)) for tracker in (tracker_of(matte), none))
    assert np.mean(now.iou) > np.mean(before.iou) + 0.02


def test_without_the_matte_the_mask_still_goes_with_the_picture(matte: Matte) -> None:
    scene = scene_of("crossing", 0)
    flow, none = (
        play(scene, Tracker(ComposeSettings(refine=refine), edge), exact(scene, 2))
        for refine, edge in (("guided", GuidedEdge()), ("none", None))
    )
    assert np.mean(flow.iou) > np.mean(none.iou)
    assert np.mean(flow.bystander) <= np.mean(none.bystander)


def test_a_mask_that_is_said_again_is_as_old_as_the_frame_that_was_looked_at(scene: DemoScene) -> None:
    ages: list[int] = []

    class Noting(GuidedEdge):
        def refine(self, present: PresentFrame, region: Region, age_ns: int) -> Alpha:
            ages.append(age_ns)
            return super().refine(present, region, age_ns)

    tracker, pyramid = Tracker(ComposeSettings(), Noting()), ImagePyramid(scene.frame(60))
    for index in (60, 61, 62):
        tracker.update(frame(index), pyramid)
        held = said_of(truth(scene, 60, 0.9, 0.8), index)
        chosen = tracker.apply(replace(held, held_ns=index - 60))
        edge_of(tracker, chosen.subjects)
    assert ages == [0, 1, 2]


def test_everybody_stays_sharp_where_that_is_asked(scene: DemoScene, matte: Matte) -> None:
    tracker = Tracker(ComposeSettings(subject="all"), MatteEdge(matte, MattePace()))
    tracker.update(frame(60), ImagePyramid(scene.frame(60)))
    assert len(tracker.apply(truth(scene, 60, 0.9, 0.8)).subjects) == 2
    tracker.update(frame(61), ImagePyramid(scene.frame(61)))
    opacity = placed(edge_of(tracker, ()), SIZE)
    masks = scene.masks(61)
    assert (opacity[masks.subject] > 127).mean() > 0.9
    assert (opacity[masks.bystander] > 127).mean() > 0.9


def test_another_person_is_chosen_by_hand_and_stays(scene: DemoScene, matte: Matte) -> None:
    tracker = tracker_of(matte)
    for index in range(60, 66):
        tracker.update(frame(index), ImagePyramid(scene.frame(index)))
        if index == 62:
            tracker.request(SelectSubject(SelectSubject.NEXT))
        result = truth(scene, index, 0.9, 0.8)
        assert tracker.apply(result).subjects == (result.instances[:1] if index < 62 else result.instances[1:])


def test_another_epoch_is_another_beginning(scene: DemoScene, matte: Matte) -> None:
    tracker = tracker_of(matte)
    tracker.update(frame(60), ImagePyramid(scene.frame(60)))
    assert tracker.apply(truth(scene, 60, 0.9, 0.8)).subjects
    assert tracker.apply(truth(scene, 60, 0.9, 0.8, epoch=2)).subjects == ()
    tracker.update(frame(0, epoch=2), ImagePyramid(scene.frame(0)))
    assert edge_of(tracker, ()).opacity.size == 0


def test_when_the_subject_is_not_among_them_nobody_is_shown(scene: DemoScene, matte: Matte) -> None:
    tracker = tracker_of(matte)
    tracker.update(frame(60), ImagePyramid(scene.frame(60)))
    tracker.apply(truth(scene, 60, 0.9, 0.8))
    other = truth(scene, 60, 0.9, 0.8).instances[1:]
    tracker.update(frame(63), ImagePyramid(scene.frame(63)))
    assert tracker.apply(MasksInferred(1, 63, 64, 1, "w", "m", other)) == Selection((), NOT_HERE)
    assert edge_of(tracker, ()).opacity.size == 0


def test_the_edge_is_there_only_for_the_newest_frame_and_the_last_result(scene: DemoScene, matte: Matte) -> None:
    """The legal order is update, apply, refine, alpha."""
    tracker = tracker_of(matte)
    with pytest.raises(RuntimeError, match="update comes first"):
        tracker.refine(())
    tracker.update(frame(60), ImagePyramid(scene.frame(60)))
    subjects = tracker.apply(truth(scene, 60, 0.9, 0.8)).subjects
    with pytest.raises(RuntimeError, match="before refine"):
        tracker.alpha()
    tracker.refine(subjects)
    assert placed(tracker.alpha(), SIZE).any()
    with pytest.raises(RuntimeError, match="update comes first"):
        tracker.refine(subjects)
    tracker.apply(said_of(truth(scene, 60, 0.9, 0.8), 60))
    with pytest.raises(RuntimeError, match="before refine"):
        tracker.alpha()
    tracker.refine(subjects)  # the frame stands, and its own mask has come
    assert placed(tracker.alpha(), SIZE).any() and tracker.is_refined
    tracker.update(frame(61), ImagePyramid(scene.frame(61)))
    with pytest.raises(RuntimeError, match="before refine"):
        tracker.alpha()
    tracker.refine(subjects)
    tracker.reset()
    with pytest.raises(RuntimeError, match="before refine"):
        tracker.alpha()
    with pytest.raises(RuntimeError, match="update comes first"):
        tracker.refine(subjects)


@pytest.mark.parametrize("refine", ["matte", "guided"])
def test_reading_the_edge_and_painting_it_change_nothing(refine: str, scene: DemoScene, matte: Matte) -> None:
    """The edge was found while painting, so a frame that was painted twice moved the subject's area twice."""
    shown: list[list[np.ndarray]] = []
    for times in (1, 3):
        tracker = Tracker(
            ComposeSettings(refine=refine), MatteEdge(matte, MattePace()) if refine == "matte" else GuidedEdge()
        )
        renderer, seen = Renderer(ComposeSettings(refine=refine)), []
        for index in range(60, 66):
            pyramid = ImagePyramid(scene.frame(index))
            tracker.update(frame(index), pyramid)
            subjects = tracker.apply(truth(scene, index, 0.9, 0.8)).subjects
            tracker.refine(subjects)
            for _ in range(times):
                into = np.empty_like(pyramid.picture)
                decision = Decision(State.LIVE, "", 0.0, subjects, 1.0, frame=(1, index))
                renderer.render(pyramid, frame(index), decision, tracker.alpha(), into)
                seen.append(into)
            assert all((into == seen[-1]).all() for into in seen[-times:])
        shown.append(seen[::times])
    assert all((once == thrice).all() for once, thrice in zip(*shown, strict=True))
    assert not (shown[0][0] == shown[0][-1]).all(), "the pictures differ from frame to frame"


@pytest.mark.parametrize("late", [6, 12])
def test_who_was_behind_the_subject_from_the_beginning_is_not_shown_as_they_come_out(
    late: int, scene: DemoScene, matte: Matte
) -> None:
    """A stage that was restarted while somebody was out of sight showed them as they came out: looks took them for a part of the
    subject, and between looks its area grew over them."""
    for rule, hides in (("lock", True), ("all", False)):  # where everybody is shown: the negative control
        tracker = Tracker(ComposeSettings(subject=rule), MatteEdge(matte, MattePace()))
        subjects: tuple[Instance, ...] = ()
        seen = []
        for index in range(OUT_OF_SIGHT, OUT_OF_SIGHT + 42):
            tracker.update(frame(index), ImagePyramid(scene.frame(index)))
            of, masks = index - late, scene.masks(index)
            if of >= OUT_OF_SIGHT and of % 3 == 0:
                one = instance_of(np.logical_or(*scene.masks(of)), 0.9)
                assert one is not None
                subjects = tracker.apply(MasksInferred(1, of, at_ns(of), 1, "w", "m", (one,))).subjects
            if subjects:
                opacity = placed(edge_of(tracker, subjects), SIZE)
                assert (opacity[masks.subject] > 127).mean() > 0.95
                if masks.bystander.mean() >= LARGE:
                    seen.append(float((opacity[masks.bystander] > SHOWN).mean()))
        assert (max(seen) < 0.1) is hides


@pytest.mark.parametrize("fps", [30, 60])
def test_who_stayed_behind_the_subject_is_not_shown_as_they_come_out_at_any_frame_rate(fps: int, matte: Matte) -> None:
    """At 60 pictures a second they were waited for half as long."""
    scene, (comes_s, goes_s) = DemoScene(*SIZE, fps, behind), BEHIND_S
    tracker, every = Tracker(ComposeSettings(), MatteEdge(matte, MattePace())), fps // 10
    subjects: tuple[Instance, ...] = ()
    seen = []
    for index in range(round((goes_s + 1.1) * fps)):
        now_ns, of = index * 1_000_000_000 // fps, index - 2 * every
        tracker.update(replace(frame(index), captured_ns=now_ns), ImagePyramid(scene.frame(index)))
        if of >= 0 and of % every == 0:
            masks = scene.masks(of)
            people = (masks.subject, masks.bystander) if of < comes_s * fps else (np.logical_or(*masks),)
            found = tuple(one for mask in people if (one := instance_of(mask, 0.9)) is not None)
            subjects = tracker.apply(MasksInferred(1, of, of * 1_000_000_000 // fps, 1, "w", "m", found)).subjects
        if subjects:
            opacity, masks = placed(edge_of(tracker, subjects), SIZE), scene.masks(index)
            if of >= goes_s * fps and masks.bystander.mean() >= LARGE:
                seen.append(float((opacity[masks.bystander] > SHOWN).mean()))
    assert len(seen) > 0.2 * fps
    assert max(seen) < 0.1


@pytest.mark.parametrize("is_looked_for", [True, False])
def test_who_went_behind_the_subject_while_nobody_was_found_is_not_shown_as_they_come_out(
    is_looked_for: bool, scene: DemoScene, matte: Matte
) -> None:
    """A worker was restarted, or looks missed everybody, for 2.1 s: the subject was known from before, but not who is behind it."""
    tracker, gone = Tracker(ComposeSettings(), MatteEdge(matte, MattePace())), OUT_OF_SIGHT - 63
    subjects: tuple[Instance, ...] = ()
    seen = []
    for index in range(OUT_OF_SIGHT + 42):
        tracker.update(frame(index), ImagePyramid(scene.frame(index)))
        of = index - 6
        if of >= 0 and of % 3 == 0 and (of < gone or of >= OUT_OF_SIGHT or is_looked_for):
            masks = scene.masks(of)
            one = instance_of(masks.subject if of < gone else np.logical_or(*masks), 0.9)
            found = () if one is None or gone <= of < OUT_OF_SIGHT else (one,)
            subjects = tracker.apply(MasksInferred(1, of, at_ns(of), 1, "w", "m", found)).subjects
        is_fresh = (tracker.seen_ns - tracker.looked_ns) / 1e6 <= tracker.age_limit_ms()
        if subjects and index >= OUT_OF_SIGHT and is_fresh:
            opacity, masks = placed(edge_of(tracker, subjects), SIZE), scene.masks(index)
            assert (opacity[masks.subject] > 127).mean() > 0.9
            if masks.bystander.mean() >= LARGE:
                seen.append(float((opacity[masks.bystander] > SHOWN).mean()))
    assert len(seen) > 6
    assert max(seen) < 0.1


def test_the_edge_moves_out_only_while_nobody_can_come_out_from_behind_the_subject(
    scene: DemoScene, matte: Matte
) -> None:
    """The sleeve of somebody who came out was shown by a margin of 15 pixels, before any result knew of them."""
    sizes = []
    for margin in (0.0, 15.0):
        tracker = Tracker(ComposeSettings(margin=margin), MatteEdge(matte, MattePace()))
        now_ns = [0, NEW_NS - 1, NEW_NS]
        shown = []
        for index, at in enumerate(now_ns):
            tracker.update(replace(frame(index), captured_ns=at), ImagePyramid(scene.frame(0)))
            result = MasksInferred(1, index, at, 1, "w", "m", truth(scene, 0, 0.9, 0.8).instances)
            shown.append(int((placed(edge_of(tracker, tracker.apply(result).subjects), SIZE) > 127).sum()))
        sizes.append(shown)
    without, with_margin = sizes
    assert with_margin[:2] == without[:2], "the subject is new"
    assert with_margin[2] > 1.02 * without[2]


def sign_of(instance: Instance) -> Instance:
    return replace(instance, is_sign=True)


def test_a_sign_hides_what_it_covers_and_is_not_the_subject(scene: DemoScene, matte: Matte) -> None:
    found = truth(scene, 60, 0.9, 0.8).instances
    for is_sign in (True, False):  # a thing of another class hides nothing: the negative control
        tracker = tracker_of(matte)
        tracker.update(frame(60), ImagePyramid(scene.frame(60)))
        lap = replace(found[0], class_id=0 if is_sign else 50, is_sign=is_sign, score=0.99)
        tall = lap.map_height // 2
        lap = replace(lap, probability=bytes(lap.map_width * tall) + lap.probability[lap.map_width * tall :])
        people = (lap, *found)
        assert tracker.apply(MasksInferred(1, 60, at_ns(60), 1, "w", "m", people)).subjects == (found[0],)
        tracker.update(frame(61), ImagePyramid(scene.frame(61)))
        subject = scene.masks(61).subject
        subject[: round(0.65 * SIZE[1])] = False
        shown = float((placed(edge_of(tracker, (found[0],)), SIZE)[subject] > 127).mean())
        assert (shown < 0.05) is is_sign


@pytest.mark.parametrize("what", ["sign", "sign of somebody else", "nothing"])
def test_where_only_a_sign_of_the_subject_is_found_its_area_goes_on_for_a_second(
    what: str, scene: DemoScene, matte: Matte
) -> None:
    """Two people whose heads meet are found as one person and a face: the subject was hidden again and again."""
    tracker, masks, (mine, *others) = tracker_of(matte), scene.masks(60), truth(scene, 60, 0.9, 0.8).instances
    unsure = tuple(others) if what == "nothing" else (*others, sign_of(mine))
    pictures = [scene.frame(60), scene.frame(60)]
    if what == "sign of somebody else":  # whose colours are others
        pictures[1][masks.subject] = 255 - pictures[1][masks.subject]
    subjects: tuple[Instance, ...] = ()
    shown = []
    for index in range(60, 120):
        now = replace(frame(index), captured_ns=index * 1_000_000_000 // FPS)
        tracker.update(now, ImagePyramid(pictures[index > 60]))
        opacity = placed(edge_of(tracker, subjects), SIZE) if subjects else np.zeros(SIZE[::-1], np.uint8)
        shown.append(bool((opacity[masks.subject] > 127).mean() > 0.5))
        assert (opacity[masks.bystander] > 25).mean() < 0.02
        people = unsure if index > 60 else (mine, *others)
        subjects = tracker.apply(MasksInferred(1, index, now.captured_ns, 1, "w", "m", people)).subjects
    assert not shown[-1]
    assert 0.5 * FPS <= sum(shown) <= FPS + 1 if what == "sign" else sum(shown) <= 1


def at_rest(seconds: float, wide: float) -> Places:
    """One person alone; from three seconds on somebody else stands beside."""
    return Places(sways(seconds), Place(0.85, 1.0) if seconds > 3 else None)


def followed(tracker: Tracker, scene: DemoScene, indices: range) -> Selection:
    """The last selection of a tracker that is given every frame, and its exact result at once."""
    selection = Selection(())
    for index in indices:
        now = replace(frame(index), captured_ns=index * 1_000_000_000 // FPS)
        tracker.update(now, ImagePyramid(scene.frame(index)))
        selection = tracker.apply(replace(truth(scene, index, 0.9, 0.8), captured_ns=now.captured_ns))
        edge_of(tracker, selection.subjects)
    return selection


def failed(tracker: Tracker, scene: DemoScene, index: int) -> Selection:
    """The selection for a frame in which nobody was found."""
    now = replace(frame(index), captured_ns=index * 1_000_000_000 // FPS)
    tracker.update(now, ImagePyramid(scene.frame(index)))
    edge_of(tracker, ())
    return tracker.apply(MasksInferred(1, index, now.captured_ns, 1, "w", "m", ()))


@pytest.mark.parametrize(("frames", "expected"), [(75, [1, 1, 0, 0]), (30, [0, 0, 0, 0]), (120, [0, 0, 0, 0])])
def test_two_looks_may_fail_where_one_person_has_been_alone_for_long(
    frames: int, expected: list[int], matte: Matte
) -> None:
    """One failed look hid the subject, who then faded in again. Alone for a second only, or beside somebody, it still does."""
    scene, tracker = DemoScene(*SIZE, FPS, at_rest), tracker_of(matte)
    assert followed(tracker, scene, range(frames)).subjects
    found = [failed(tracker, scene, frames + number) for number in range(len(expected))]
    assert [len(selection.subjects) for selection in found] == expected


def test_somebody_else_s_look_in_the_subject_s_place_is_no_failed_look(matte: Matte) -> None:
    scene, tracker, index = DemoScene(*SIZE, FPS, at_rest), tracker_of(matte), 75
    followed(tracker, scene, range(index))
    masks = scene.masks(index)
    picture = scene.frame(index)
    picture[masks.subject] = 255 - picture[masks.subject]
    now = replace(frame(index), captured_ns=index * 1_000_000_000 // FPS)
    tracker.update(now, ImagePyramid(picture))
    edge_of(tracker, ())
    half = masks.subject.copy()  # too little of the place to go by that alone
    half[: round(0.82 * SIZE[1])] = False
    other = instance_of(half, 0.9)
    assert other is not None
    assert tracker.apply(MasksInferred(1, index, now.captured_ns, 1, "w", "m", (other,))).subjects == ()


def test_a_mask_may_be_older_while_one_person_alone_is_followed(matte: Matte) -> None:
    scene, tracker = DemoScene(*SIZE, FPS, at_rest), tracker_of(matte)
    assert tracker.age_limit_ms() == MASK_AGE_MS
    limits = []
    for index in range(0, 110):
        followed(tracker, scene, range(index, index + 1))
        limits.append(tracker.age_limit_ms())
    assert set(limits[:60]) == {MASK_AGE_MS}
    assert set(limits[62:90]) == {MASK_AGE_ALONE_MS}
    assert set(limits[92:]) == {MASK_AGE_MS}, "as soon as a result finds somebody else"


def test_whoever_comes_beside_the_subject_makes_an_old_mask_too_old_before_any_result(matte: Matte) -> None:
    """No result comes after 2.9 s: what the matte sees there is enough."""
    near = DemoScene(*SIZE, FPS, lambda s, wide: Places(sways(s), Place(0.72, 1.0) if s > 3 else None))
    tracker = tracker_of(matte)
    selection = followed(tracker, near, range(88))
    limits = []
    for index in range(88, 110):
        now = replace(frame(index), captured_ns=index * 1_000_000_000 // FPS)
        tracker.update(now, ImagePyramid(near.frame(index)))
        edge_of(tracker, selection.subjects)
        limits.append(tracker.age_limit_ms())
    assert set(limits[:2]) == {MASK_AGE_ALONE_MS}
    assert set(limits[8:]) == {MASK_AGE_MS}, "a fifth of a second after it came into view"


def test_a_look_may_fail_a_second_after_the_last_one(matte: Matte) -> None:
    """Workers look at one calm person once a second."""
    scene, tracker, begun = DemoScene(*SIZE, FPS, lambda s, wide: Places(sways(s), None)), tracker_of(matte), 75
    selection = followed(tracker, scene, range(begun))
    for index in range(begun, begun + FPS + 4):
        now = replace(frame(index), captured_ns=index * 1_000_000_000 // FPS)
        tracker.update(now, ImagePyramid(scene.frame(index)))
        edge_of(tracker, selection.subjects)
    assert failed(tracker, scene, begun + FPS + 4).subjects
    assert tracker.wants_inference


def test_a_late_result_does_not_deny_who_has_come_since(matte: Matte) -> None:
    """It was made of a frame before: the limit went back to two seconds."""
    near = DemoScene(*SIZE, FPS, lambda s, wide: Places(sways(s), Place(0.72, 1.0) if s > 3 else None))
    tracker = tracker_of(matte)
    selection = followed(tracker, near, range(88))
    for index in range(88, 105):
        now = replace(frame(index), captured_ns=index * 1_000_000_000 // FPS)
        tracker.update(now, ImagePyramid(near.frame(index)))
        edge_of(tracker, selection.subjects)
    assert tracker.wants_inference
    late = replace(truth(near, 89, 0.9, 0.8), captured_ns=89 * 1_000_000_000 // FPS)
    assert tracker.apply(late).subjects
    assert tracker.age_limit_ms() == MASK_AGE_MS
    assert tracker.wants_inference


@pytest.mark.parametrize("refine", ["guided", "none"])
def test_without_the_matte_nobody_sees_who_comes_and_the_limit_is_short(refine: str) -> None:
    tracker = Tracker(ComposeSettings(refine=refine), GuidedEdge() if refine == "guided" else None)
    followed(tracker, DemoScene(*SIZE, FPS, at_rest), range(75))
    assert tracker.age_limit_ms() == MASK_AGE_MS
    assert not tracker.wants_inference


def test_a_limit_that_somebody_sets_holds_for_everybody(matte: Matte) -> None:
    tracker = Tracker(ComposeSettings(max_mask_age=900), MatteEdge(matte, MattePace()))
    followed(tracker, DemoScene(*SIZE, FPS, at_rest), range(75))
    assert tracker.age_limit_ms() == 900


def remembered_after(frames: int, tracker: Tracker, scene: DemoScene) -> int:
    """Bytes that a tracker keeps of so many frames at 30 a second for which no result ever came."""
    pyramid = ImagePyramid(scene.frame(60))
    tracemalloc.start()
    for index in range(frames):
        tracker.update(replace(frame(index), captured_ns=index * 1_000_000_000 // FPS), pyramid)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return kept


def test_what_no_result_can_be_used_for_is_forgotten(scene: DemoScene, matte: Matte) -> None:
    """Workers that are long in coming had compose keep 50 MB for good."""
    short, long, patient = (
        remembered_after(frames, Tracker(ComposeSettings(max_mask_age=age), MatteEdge(matte, MattePace())), scene)
        for frames, age in ((30, 750), (90, 750), (90, 10_000))
    )
    pictures = 60 * 256 * 144 * 3  # which are kept: they say who is who
    assert long - short < 1.05 * pictures
    assert patient - short > 3 * pictures, "the negative control"


@pytest.mark.parametrize("refine", ["matte", "none"])
def test_a_first_result_that_is_too_late_still_says_who_is_who(refine: str, scene: DemoScene, matte: Matte) -> None:
    """Else the subject was locked, but unknown, and nobody was shown any more."""
    edge = MatteEdge(matte, MattePace()) if refine == "matte" else None
    tracker, pyramid = Tracker(ComposeSettings(refine=refine), edge), ImagePyramid(scene.frame(60))
    at_ns = [index * 1_000_000_000 // FPS for index in range(100)]
    for index in range(45):
        tracker.update(replace(frame(index), captured_ns=at_ns[index]), pyramid)
    for index, at in ((0, 0), (44, 44)):
        result = replace(truth(scene, 60, 0.9, 0.8), frame_id=index, captured_ns=at_ns[at])
        assert tracker.apply(result).subjects == result.instances[:1]


def test_a_result_that_cannot_be_carried_to_the_present_shows_nobody(scene: DemoScene) -> None:
    """At 240 pictures a second a slow worker's results were taken for good, and moved nothing."""
    tracker, pyramid = Tracker(ComposeSettings(), GuidedEdge()), ImagePyramid(scene.frame(60))
    for index in range(HISTORY + 20):
        tracker.update(replace(frame(index), captured_ns=index * 1_000_000_000 // 240), pyramid)
        if index == 0:
            assert tracker.apply(said_of(truth(scene, 60, 0.9, 0.8), 0)).subjects
    late, usable = (said_of(truth(scene, 60, 0.9, 0.8), index) for index in (19, 20))
    assert tracker.apply(late) == Selection((), f"the mask is more than {HISTORY} frames late")
    assert tracker.apply(usable).subjects == usable.instances[:1]


@pytest.mark.parametrize("refine", ["matte", "guided", "none"])
def test_an_epoch_of_another_shape_is_another_beginning(refine: str, matte: Matte) -> None:
    """From 4:3 to 16:9 compose died of a box that lay outside the new grid."""
    edges: dict[str, Edge | None] = {"matte": MatteEdge(matte, MattePace()), "guided": GuidedEdge(), "none": None}
    tracker = Tracker(ComposeSettings(refine=refine), edges[refine])
    for epoch, (width, height) in enumerate(((640, 480), (640, 360)), 1):
        mask = np.zeros((height, width), np.bool_)
        mask[150:360, 250:350] = True  # as large and as far from the upper left corner in both
        person = instance_of(mask, 0.9)
        assert person is not None
        picture = ImagePyramid(np.where(mask[..., None], np.uint8(200), np.uint8(90)).repeat(3, axis=2))
        now = replace(frame(0, epoch), width=width, height=height)
        tracker.update(now, picture)
        subjects = tracker.apply(MasksInferred(epoch, 0, 1, 1, "w", "m", (person,))).subjects
        assert subjects == (person,)
        x0, y0, x1, y1 = edge_of(tracker, subjects).box_xyxy
        assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height


def test_the_result_of_a_frame_that_compose_skipped_hides_nobody(scene: DemoScene, matte: Matte) -> None:
    """Somebody alone blinked whenever compose was late for a moment."""
    tracker = tracker_of(matte)
    alone = [
        replace(result, instances=result.instances[:1]) for result in (truth(scene, i, 0.9, 0.8) for i in (60, 62))
    ]
    for index in (60, 61, 63):
        tracker.update(frame(index), ImagePyramid(scene.frame(index)))
        if index == 60:
            assert tracker.apply(alone[0]).subjects == alone[0].instances
        edge_of(tracker, ())
    assert tracker.apply(alone[1]).subjects == alone[1].instances


def test_without_the_matte_s_file_flow_and_guided_filter_are_used_and_it_is_said(
    scene: DemoScene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(asset: object) -> None:
        raise AssetError("offline")

    monkeypatch.setattr(module, "fetch", missing)
    tracker = Tracker(ComposeSettings(), open_edge(ComposeSettings(), MattePace()))
    assert "no matte on the present frame" in caplog.text
    tracker.update(frame(60), ImagePyramid(scene.frame(60)))
    subjects = tracker.apply(truth(scene, 60, 0.9, 0.8)).subjects
    assert placed(edge_of(tracker, subjects), SIZE).any()


def thing(box: tuple[float, float, float, float], class_id: int) -> Instance:
    return Instance(class_id, 0.9, box, 1, 1, b"\xff")


@pytest.mark.parametrize("refine", ["matte", "guided", "none"])
def test_what_the_subject_holds_stays_sharp_only_if_asked_for_and_only_while_it_touches(
    refine: str, scene: DemoScene, matte: Matte
) -> None:
    edges: dict[str, Edge | None] = {"matte": MatteEdge(matte, MattePace()), "guided": GuidedEdge(), "none": None}
    result = truth(scene, 60, 0.9, 0.8)
    _, _, x1, _ = result.instances[0].box_xyxy
    phone = thing((x1 - 0.02, 0.7, min(x1 + 0.08, 1.0), 0.9), NAMES.index("cell phone"))
    dog = thing((0.0, 0.0, 0.1, 0.1), NAMES.index("dog"))
    both = replace(result, instances=(*result.instances, phone, dog))
    beside = np.zeros(SIZE[::-1], np.bool_)
    beside[
        round(0.75 * SIZE[1]) : round(0.85 * SIZE[1]), round((x1 + 0.02) * SIZE[0]) : round((x1 + 0.06) * SIZE[0])
    ] = True
    beside &= ~scene.masks(61).bystander
    for keep, seen in (((), False), (("cell phone", "dog"), True)):
        tracker = Tracker(ComposeSettings(keep=keep, refine=refine), edges[refine])
        tracker.update(frame(60), ImagePyramid(scene.frame(60)))
        subjects = tracker.apply(both).subjects
        assert (phone in subjects) is seen and dog not in subjects
        tracker.update(frame(61), ImagePyramid(scene.frame(61)))
        opacity = placed(edge_of(tracker, subjects), SIZE)
        assert bool((opacity[beside] > 127).mean() > 0.9) is seen, refine


def test_who_was_chosen_by_hand_is_outlined_for_a_second(scene: DemoScene, matte: Matte) -> None:
    tracker = tracker_of(matte)
    renderer = Renderer(ComposeSettings(background="color:000000"))
    second = 1_000_000_000

    def paint(index: int, at: int) -> tuple[np.ndarray, bool]:
        now = replace(frame(index), captured_ns=at)
        tracker.update(now, ImagePyramid(scene.frame(index)))
        found = tracker.apply(replace(truth(scene, index, 0.9, 0.8), captured_ns=at)).subjects
        into = np.empty_like(scene.frame(index))
        tracker.refine(found)
        decision = Decision(State.LIVE, "", 0.0, found, 1.0, frame=(1, index))
        outlined = tracker.is_outlined(at)
        renderer.render(ImagePyramid(scene.frame(index)), now, decision, tracker.alpha(), into, outlined=outlined)
        return into, bool((into == OUTLINE_BGR).all(-1).sum() > 200)

    assert not paint(60, 1 * second)[1]
    tracker.request(SelectSubject(SelectSubject.NEXT))
    assert paint(61, 2 * second)[1]
    assert paint(62, 2 * second + second // 2)[1]
    assert not paint(63, 3 * second)[1]
