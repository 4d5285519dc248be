"""The command line, with fakes for the stages: one file, folders, and what is left where it was interrupted or killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from common.errors import ConfigError
from common.redaction.command import parser, worst
from common.redaction.outcome import Options
from common.redaction.results import ResultsFile
from common.redaction.settings import STAGE_OF
from common.redaction.shelf import Outcome
from tests.call import processes_with
from tests.common.redaction.staged import looked, source, start

FLAGS = ("--mask-rcnn=none", "--workers=1")
LONG: dict[str, Any] = {"frames": 400, "frame_s": 0.02}  # 8 s, which no test waits for
LIMIT_S = 60


def ended(call: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, standard output and errors of a process that ends by itself."""
    said, errors = call.communicate(timeout=LIMIT_S)
    return call.returncode, said, errors


def events(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def wait_for_results(path: Path, number: int) -> None:
    """Wait until so many lines of results are written."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        if path.exists() and path.read_bytes().count(b"\n") > number:
            return
        time.sleep(0.02)
    raise AssertionError("no results came")


def wait_until_none_has(text: str) -> None:
    """Wait until no process has a text in its environment."""
    deadline = time.monotonic() + LIMIT_S
    while processes_with(text):
        assert time.monotonic() < deadline, "stages outlive the process that started them"
        time.sleep(0.05)


def test_one_file(tmp_path: Path) -> None:
    call, out = source(tmp_path, judged={"0": {"doubt": "is this you?"}}), tmp_path / "out.mp4"
    code, said, errors = ended(start(tmp_path, call, "-o", out, *FLAGS))
    assert (code, errors.count("Traceback")) == (3, 0), errors
    assert said.startswith(f"{out}: 4 frames in ")
    assert said.endswith(f"hide everybody; a person should look at 1 moment: {tmp_path}/out.report.html\n")
    code, said, errors = ended(start(tmp_path, call, "-o", out, *FLAGS))
    assert (code, said) == (2, "")
    assert errors.startswith("onlyme redact: --out: expected a new file")
    assert errors.count("\n") == 1


def test_json_lines(tmp_path: Path) -> None:
    call, out = source(tmp_path, frames=8, frame_s=0.1), tmp_path / "out.mp4"
    code, said, _ = ended(start(tmp_path, call, "-o", out, "--json", *FLAGS))
    told = events(said)
    assert code == 0
    assert told[0]["event"] == "progress"
    assert set(told[0]) == {"event", "source", "frames", "expected", "seconds", "rate", "left_s"}
    assert [each["event"] for each in told[-2:]] == ["outcome", "summary"]
    assert (told[-2]["frames"], told[-2]["out"], told[-2]["error"]) == (8, str(out), "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["call.mp4"], "the following arguments are required: -o/--out"),
        (["call.mp4", "-o", "x.mp4", "--backgruond=blur"], "unrecognized arguments"),
        (["call.mp4", "-o", "x.mp4", "--background=pink"], "--background: expected blur, color:RRGGBB"),
        (["call.mp4", "-o", ""], "-o/--out: expected a path, got an empty text"),
        (["", "-o", "x.mp4"], "IN: expected a path, got an empty text"),
        (["call.mp4", "-o", "x.mp4", "--jobs=0"], "--jobs: expected a whole number from 1, got '0'"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    code, said, errors = ended(start(tmp_path, *arguments))
    assert (code, said, errors.count("\n")) == (2, "", 1)
    assert says in errors
    code, said, errors = ended(start(tmp_path, *arguments, "--json"))
    assert (code, errors) == (2, "")
    (told,) = events(said)
    assert says in told["error"]


def test_a_folder_and_a_second_run_that_does_what_is_missing_or_changed(tmp_path: Path) -> None:
    shelf, out = tmp_path / "shelf", tmp_path / "out"
    good, deep = source(shelf, "a.mp4"), source(shelf / "deep" / "er", "b.mkv")
    bad = source(shelf, "c.mp4", fails_after=1, says="expected another sound", code=2)
    (shelf / "notes.txt").write_text("no film")
    code, said, errors = ended(start(tmp_path, shelf, "-o", out, "--jobs=3", *FLAGS))
    assert code == 2
    assert f"{bad}: display: expected another sound" in errors
    assert {line.partition(":")[0] for line in said.splitlines()} == {str(out / "a.mp4"), str(out / "deep/er/b.mkv")}

    source(shelf, "c.mp4")
    with deep.open("ab") as file:
        file.write(b"\0")
    code, said, errors = ended(start(tmp_path, shelf, "-o", out, "--jobs=3", *FLAGS))
    assert code == 0, errors
    assert said.splitlines()[-1] == "1 done before, and unchanged"
    assert {line.partition(":")[0] for line in said.splitlines()[:-1]} == {
        str(out / "c.mp4"),
        str(out / "deep/er/b.mkv"),
    }
    assert looked(good) == [4]
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["deep", "onlyme-manifest.jsonl", *(f"{name}.{end}" for name in "ac" for end in ("mp4", "report.html", "results.jsonl"))]
    )  # fmt: skip


def test_ctrl_c_ends_everything_and_the_same_command_goes_on(tmp_path: Path) -> None:
    call, out = source(tmp_path, **LONG), tmp_path / "out.mp4"
    running = start(tmp_path, call, "-o", out, *FLAGS)
    wait_for_results(tmp_path / "out.results.jsonl", 5)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    code, said, errors = ended(running)
    assert (code, said) == (130, "")
    assert "the same command goes on with it" in errors
    assert processes_with(str(out)) == []
    assert not out.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with ResultsFile(tmp_path / "out.results.jsonl") as kept:
        known = len(kept.known)
    source(tmp_path, frames=known + 3)
    assert ended(start(tmp_path, call, "-o", out, *FLAGS))[0] == 0
    assert looked(call) == [3]


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    call, out = source(tmp_path, **LONG), tmp_path / "out.mp4"
    running = start(tmp_path, call, "-o", out, *FLAGS)
    wait_for_results(tmp_path / "out.results.jsonl", 5)
    run_dir = Path((tmp_path / ".out.mp4.onlyme" / "run-folder").read_text())
    assert run_dir.is_dir()
    running.kill()
    ended(running)
    assert not out.exists()
    source(tmp_path, frames=3)  # fewer than are known
    code, _, errors = ended(start(tmp_path, call, "-o", out, *FLAGS))  # at once, while the stages end
    assert code == 0, errors
    assert looked(call) == [0]
    assert not run_dir.exists()
    assert not (tmp_path / ".out.mp4.onlyme").exists()


def test_the_stages_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    call, out = source(tmp_path, **LONG), tmp_path / "out.mp4"
    running = start(tmp_path, call, "-o", out, *FLAGS)
    wait_for_results(tmp_path / "out.results.jsonl", 5)
    run_dir = (tmp_path / ".out.mp4.onlyme" / "run-folder").read_text()
    assert len(processes_with(run_dir)) >= 4
    running.kill()
    ended(running)
    wait_until_none_has(run_dir)


def test_a_program_that_reads_no_more_ends_it(tmp_path: Path) -> None:
    call, out = source(tmp_path, **LONG), tmp_path / "out.mp4"
    running = start(tmp_path, call, "-o", out, "--json", *FLAGS)
    assert running.stdout is not None
    assert json.loads(running.stdout.readline())["event"] == "progress"
    running.stdout.close()
    assert running.wait(LIMIT_S) == 130
    assert not out.exists()
    assert not (tmp_path / ".out.mp4.onlyme").exists()


def test_the_worst_outcome_counts() -> None:
    made = {code: Outcome(Path("a"), Path("b"), code) for code in (0, 1, 2, 3)}
    assert worst([]) == 0
    assert worst([made[0], made[3], made[0]]) == 3
    assert worst([made[3], made[2]]) == 2
    assert worst([made[2], made[1], made[3]]) == 1


def test_every_setting_is_a_flag_and_an_option_of_the_library() -> None:
    options = {option for action in parser()._actions for option in action.option_strings}
    assert {"--subject", "--background", "-m", "--return"} <= options
    assert set(Options.__annotations__) == set(STAGE_OF)
    with pytest.raises(ConfigError, match="see --help"):
        parser().parse_args([])
