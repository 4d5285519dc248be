from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from common.ipc.records import FrameInfo, Instance
from common.vision.pyramid import ImagePyramid
from compose.policy import Decision, State
from compose.standing import STANDS_NS, StandingFrame, Stands

MS = 1_000_000
FRAME = FrameInfo(5, 7, 1000 * MS, 7, "onlyme-0-x", 7, 4, 4)
PERSON = Instance(0, 0.9, (0.1, 0.1, 0.5, 0.9), 1, 1, b"\xff")
HIDDEN = Decision(State.HIDDEN, "nobody found", 50.0, frame=(5, 7))
LIVE = Decision(State.LIVE, "", 50.0, (PERSON,), 1.0, frame=(5, 7))
OFF = Decision(State.OFF, "turned off by hand", 50.0, frame=(5, 7))
SOON_NS, LATE_NS = FRAME.captured_ns + 1, FRAME.captured_ns + STANDS_NS


def picture() -> ImagePyramid:
    return ImagePyramid(np.zeros((4, 4, 3), np.uint8))


def composed(decision: Decision) -> StandingFrame:
    """Return a frame that was composed with a decision."""
    standing = StandingFrame()
    standing.replace(Stands(FRAME, picture()))
    assert standing.take_due(decision, SOON_NS) is not None
    return standing


def test_a_frame_is_composed_once() -> None:
    standing = StandingFrame()
    assert standing.take_due(replace_frame(HIDDEN, (0, 0)), SOON_NS) is None, "none has come"
    standing = composed(HIDDEN)
    assert standing.take_due(HIDDEN, SOON_NS) is standing.take_due(HIDDEN, LATE_NS) is None


def replace_frame(decision: Decision, frame: tuple[int, int]) -> Decision:
    return decision._replace(frame=frame)


def test_a_decision_on_another_frame_composes_nothing() -> None:
    standing = StandingFrame()
    standing.replace(Stands(FRAME, picture()))
    assert standing.take_due(replace_frame(LIVE, (5, 6)), LATE_NS) is None
    assert standing.take_due(replace_frame(LIVE, (4, 7)), LATE_NS) is None


@pytest.mark.parametrize(
    ("before", "after", "is_due"),
    [
        (HIDDEN, LIVE, True),
        (LIVE, HIDDEN, True),
        (LIVE, LIVE, True),  # its own mask is better than that of the frame before
        (HIDDEN, HIDDEN._replace(mask_age_ms=20.0), False),
        (HIDDEN, HIDDEN._replace(question="is this you?"), True),
        (OFF, OFF, False),
        (OFF._replace(state=State.INSTANCES), OFF._replace(state=State.INSTANCES), True),
    ],
)
def test_a_frame_that_stands_is_composed_again_when_a_result_shows_something_else(
    before: Decision, after: Decision, is_due: bool
) -> None:
    standing = composed(before)
    assert standing.take_due(after, LATE_NS) is None, "no result has come"
    standing.note_result()
    assert standing.take_due(after, SOON_NS) is None, "the next frame of a fast source is about to come"
    assert (standing.take_due(after, LATE_NS) is not None) is is_due
    assert standing.take_due(after, LATE_NS) is None, "once"


def test_a_person_fades_in_on_a_frame_that_stands() -> None:
    faint = LIVE._replace(opacity=0.4)
    standing = composed(faint)
    assert standing.take_due(LIVE, SOON_NS) is None
    assert standing.take_due(LIVE, LATE_NS) is not None
    assert standing.take_due(LIVE, LATE_NS) is None


def test_a_command_is_seen_at_once() -> None:
    standing = composed(OFF)
    standing.note_command()
    assert standing.take_due(HIDDEN, SOON_NS) is not None
    assert standing.take_due(HIDDEN, LATE_NS) is None


def test_after_a_loss_nothing_stands() -> None:
    standing = composed(LIVE)
    standing.note_result()
    assert not standing.replace(None)
    assert standing.take_due(LIVE, LATE_NS) is None


def test_a_frame_that_was_never_composed_is_said() -> None:
    standing = composed(LIVE)
    assert not standing.replace(Stands(replace(FRAME, frame_id=8), picture()))
    assert standing.replace(Stands(replace(FRAME, frame_id=9), picture()))
