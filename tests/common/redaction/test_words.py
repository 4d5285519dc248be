from __future__ import annotations

import pytest

from common.redaction.judgements import Judgement
from common.redaction.summary import AS_ASKED, Summary, Tally
from common.redaction.words import duration, outcome, percent, time_code, verdict
from tests.common.redaction.judged import judgement

SHOWN, EVERYBODY, WANTED = judgement(0, 1), judgement(0, 1, "everybody"), judgement(0, 1, "hidden", AS_ASKED)
AWAY, UNSURE = (
    judgement(0, 1, "hidden", "nobody is found"),
    judgement(0, 1, "hidden", "it is not sure"),
)


def summed(*frames: Judgement) -> Summary:
    tally = Tally()
    for frame in frames:
        tally.add(frame)
    return tally.summary


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(0, "00:00.0"), (12.3, "00:12.3"), (0.7 + 0.1, "00:00.8"), (59.99, "00:59.9"), (60, "01:00.0"), (3723.45, "1:02:03.4"), (-1, "00:00.0")],
)  # fmt: skip
def test_a_time_code_is_as_players_show_it(seconds: float, code: str) -> None:
    assert time_code(seconds) == code


@pytest.mark.parametrize(("seconds", "said"), [(1.25, "1.2 seconds"), (61, "1 min 1 s"), (3 * 3600 + 119, "3 h 1 min")])
def test_a_duration_is_as_people_say_it(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("part", "said"), [(0, "0 %"), (1, "less than 1 %"), (500, "50 %"), (999, "99 %"), (1000, "100 %")]
)
def test_only_nothing_is_0_percent_and_only_all_is_100(part: int, said: str) -> None:
    assert percent(part, 1000) == said


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([SHOWN], "The person who stays sharp is visible in 1 of 1 frame (100 %). No frame is hidden completely."),
        (
            [SHOWN, AWAY, AWAY, UNSURE],
            "The person who stays sharp is visible in 1 of 4 frames (25 %). The picture is hidden completely in the other 3 (75 %): "
            "2 (nobody is found), 1 (it is not sure).",
        ),
        (
            [AWAY],
            "The person who stays sharp is visible in 0 of 1 frame (0 %). The picture is hidden completely in all of them (100 %): "
            "1 (nobody is found).",
        ),
        ([EVERYBODY], "Everybody who is found is visible in 1 of 1 frame (100 %). No frame is hidden completely."),
        ([WANTED] * 1200, "Everybody is hidden in all of the 1,200 frames, as was asked for."),
    ],
)
def test_the_outcome_is_one_sentence_or_two(frames: list[Judgement], said: str) -> None:
    assert outcome(summed(*frames)) == said


def test_rare_reasons_are_counted_together() -> None:
    frames = [judgement(0, 1, "hidden", f"reason {number}") for number in range(9)]
    assert outcome(summed(*frames)).endswith("1 (reason 3), 5 for other reasons.")


def test_the_verdict_says_where_to_look() -> None:
    doubt = judgement(0, 1, doubt="check")
    assert verdict(summed(SHOWN)).startswith("No moment was in doubt.")
    assert verdict(summed(doubt)) == "A person should look at the film at one moment, 00:00.0."
    assert verdict(summed(doubt, UNSURE), 1.0) == (
        "A person should look at the film at 2 moments, the first at 00:01.0. 1 frame could not be judged and is hidden."
    )
