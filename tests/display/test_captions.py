from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo
from display.captions import AMBER_BGR, BLUE_BGR, RED_BGR, bars_of, write_bars

MESSAGE = FrameComposed(FrameInfo(5, 0, 0, 0, "s", 0, 10, 10), 0, "live", "", 80.0, True, "m")


@pytest.mark.parametrize(
    ("state", "privacy", "question", "grounds"),
    [
        ("live", True, "", []),
        ("hidden", True, "", []),
        ("everybody", True, "", [AMBER_BGR]),
        ("off", False, "", [RED_BGR]),
        ("instances", False, "", [RED_BGR]),
        ("hidden", True, "is this you?", [BLUE_BGR]),
        ("off", False, "is this you?", [RED_BGR, BLUE_BGR]),
        ("everybody", True, "is this you?", [AMBER_BGR, BLUE_BGR]),
    ],
)
def test_what_must_not_be_overlooked_has_a_bar(
    state: str, privacy: bool, question: str, grounds: list[tuple[int, int, int]]
) -> None:
    bars = bars_of(replace(MESSAGE, state=state, privacy=privacy, question=question))
    assert [bar.ground for bar in bars] == grounds
    everybody = bars_of(replace(MESSAGE, state=state, privacy=privacy, question=question, everybody=True))
    assert everybody[0].ground == (AMBER_BGR if privacy else RED_BGR), "also where nobody is found just now"
    assert not question or bars[-1].text == question


@pytest.mark.parametrize("size", [(1, 1), (48, 64), (180, 320), (720, 1280), (2160, 3840)])
def test_a_bar_goes_across_any_picture_and_holds_all_its_text(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 77, np.uint8)
    bars = bars_of(replace(MESSAGE, state="everybody", question="is the person in the middle you? y or n"))
    rows = write_bars(picture, bars)
    assert 0 < rows <= size[0]
    assert (picture[rows:] == 77).all(), "nothing below"
    assert not (picture[:rows] == 77).all(-1).any()
    if size[1] >= 320:
        edge = picture[:rows, -1]
        assert {tuple(int(v) for v in pixel) for pixel in edge} <= {AMBER_BGR, BLUE_BGR}, (
            "the text ends before the edge"
        )
