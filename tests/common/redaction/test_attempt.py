"""Attempts at one recording, with fakes for the stages: what the next one takes over, and who publishes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from common.redaction.attempt import attempt
from common.redaction.on_node import Alike, redact_here
from common.redaction.one import Job
from common.redaction.outcome import EXIT_FAILED, EXIT_MISTAKE, Progress
from common.redaction.shelf import Outcome, run_one
from tests.common.redaction.staged import job, looked, source

WHOLE = ["call.mp4", "call.report.html", "call.results.jsonl"]


@pytest.fixture
def wanted(tmp_path: Path) -> Job:
    (tmp_path / "out").mkdir()
    return job(source(tmp_path), tmp_path / "out" / "call.mp4")


def names(job: Job) -> list[str]:
    return sorted(path.name for path in job.out.parent.iterdir())


def play(job: Job, **how: Any) -> None:
    source(job.source.parent, **how)


def test_an_attempt_leaves_the_three_files_and_nothing_else(wanted: Job) -> None:
    done = attempt(wanted, run_one)
    assert (done.source, done.out, done.code) == (wanted.source, wanted.out, 0)
    assert done.redaction is not None
    assert (done.redaction.out, done.redaction.report) == (wanted.out, wanted.report)
    assert wanted.out.read_bytes() == wanted.source.read_bytes()
    assert names(wanted) == WHOLE


def test_a_retry_goes_on_with_what_a_killed_attempt_found(wanted: Job) -> None:
    def killed(own: Job) -> Outcome:
        play(own, frames=6, fails_after=4, says="killed", code=1)
        run_one(own)
        raise SystemExit

    with pytest.raises(SystemExit):
        attempt(wanted, killed)
    left = names(wanted)
    assert len(left) == 1
    assert left[0].startswith(".call.mp4.attempt-")
    play(wanted, frames=6)
    assert attempt(wanted, run_one).code == 0
    assert looked(wanted.source) == [2]
    assert names(wanted) == WHOLE


def test_a_retry_of_one_whose_answer_was_lost_gives_the_same_output(wanted: Job) -> None:
    assert attempt(wanted, run_one).code == attempt(wanted, run_one).code == 0
    assert looked(wanted.source) == [4, 0]
    assert names(wanted) == WHOLE


def test_a_failed_attempt_keeps_what_it_found_for_the_next_run(wanted: Job) -> None:
    play(wanted, frames=6, fails_after=4, says="crashed", code=1)
    assert attempt(wanted, run_one).code == EXIT_FAILED
    assert names(wanted) == ["call.results.jsonl"]
    play(wanted, frames=6)
    attempt(wanted, run_one)
    assert looked(wanted.source) == [2]


def test_an_attempt_at_work_on_a_machine_believed_dead_never_publishes(wanted: Job) -> None:
    def slow(own: Job) -> Outcome:
        outcome = run_one(own)
        own.out.write_bytes(b"of the attempt that is believed dead")
        assert attempt(wanted, run_one).code == 0  # while this one is about to publish
        return outcome

    late = attempt(wanted, slow)
    assert (late.code, late.redaction) == (EXIT_FAILED, None)
    assert late.error == f"{wanted.source}: another attempt has taken it over"
    assert wanted.out.read_bytes() == wanted.source.read_bytes()
    assert names(wanted) == WHOLE


def test_an_attempt_that_was_taken_over_cannot_go_on(wanted: Job) -> None:
    def slow(own: Job) -> Outcome:
        attempt(wanted, run_one)
        return run_one(own)

    assert attempt(wanted, slow).error == f"{wanted.source}: another attempt has taken it over"
    assert wanted.out.read_bytes() == wanted.source.read_bytes()
    assert names(wanted) == WHOLE


def test_stages_that_work_while_their_attempt_is_taken_over_change_nothing(wanted: Job) -> None:
    play(wanted, frames=40, frame_s=0.05)
    others: list[Outcome] = []

    def slow(own: Job) -> Outcome:
        def meanwhile(_: Progress) -> None:
            if not others and own.results.read_bytes().count(b"\n") > 2:
                wanted.source.with_suffix(".play").write_text("{}")
                others.append(attempt(wanted, run_one))

        return run_one(own, meanwhile)

    assert attempt(wanted, slow).error == f"{wanted.source}: another attempt has taken it over"
    assert [each.code for each in others] == [0]
    assert looked(wanted.source)[0] < 4, "it went on with what the first had found"
    assert wanted.out.read_bytes() == wanted.source.read_bytes()
    assert names(wanted) == WHOLE


def test_an_output_that_is_there_is_replaced_only_by_a_whole_one(wanted: Job) -> None:
    wanted.out.write_bytes(b"before")
    play(wanted, fails_after=1, says="crashed", code=1)
    attempt(wanted, run_one)
    assert wanted.out.read_bytes() == b"before"
    play(wanted)
    attempt(wanted, run_one)
    assert wanted.out.read_bytes() == wanted.source.read_bytes()


def test_a_node_does_a_job_that_it_can_do(wanted: Job) -> None:
    told: list[Progress] = []
    assert redact_here(wanted, Alike.of(wanted), told.append).code == 0
    assert names(wanted) == WHOLE


@pytest.mark.parametrize(
    ("lacks", "said"),
    [
        (
            "the source",
            r"call.mp4: expected a file that every node sees, got none on \S+ \(No such file or directory\); keep",
        ),
        ("the folder", r"call.mp4: expected a folder that every node sees, got no \S+/out on \S+; keep"),
        ("the whole source", r"call.mp4: expected the same file on every node, got one of another size on \S+; keep"),
        (
            "the model",
            r"call.mp4: expected the same onlyme and model on every node, got others on \S+; install the same there",
        ),
    ],
)
def test_a_node_that_lacks_something_says_so_in_one_line(lacks: str, said: str, wanted: Job) -> None:
    alike = Alike.of(wanted)
    if lacks == "the source":
        wanted.source.unlink()
    elif lacks == "the folder":
        wanted.out.parent.rmdir()
    elif lacks == "the whole source":
        alike = alike._replace(size=alike.size + 1)
    else:
        alike = alike._replace(key="of another model")
    outcome = redact_here(wanted, alike, lambda _: None)
    assert outcome.code == EXIT_MISTAKE
    assert "\n" not in outcome.error
    assert re.search(said, outcome.error)
