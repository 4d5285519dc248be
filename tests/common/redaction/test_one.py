"""One recording, with fakes for the stages: what is written and when, what is kept, and what is said where it fails."""

from __future__ import annotations

import os
import re
import signal
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import AlreadyRunningError, ConfigError, RedactionError, SourceError, UserError
from common.redaction import call as call_module
from common.redaction.one import Job, run
from common.redaction.outcome import Progress
from common.redaction.results import ResultsFile, key_in
from common.redaction.workplace import Workplace
from common.runtime.procinfo import parent_of
from tests.common.redaction.staged import job, looked, source
from tests.conftest import on_a_disk


def names(folder: Path) -> set[str]:
    """What lies in a folder, but for what the test itself put there."""
    return {path.name for path in folder.iterdir()} - {"Procfile", "call.mp4", "call.play", "call.looked"}


WHOLE = {"out.mp4", "out.report.html", "out.results.jsonl"}


def test_the_output_is_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    told: list[Progress] = []
    hidden = {"1": {"state": "hidden", "reason": "nobody is found"}}
    call = source(tmp_path, frames=4, frame_s=0.2, ends_after_s=0.6, judged=hidden)
    done = run(job(call, tmp_path / "out.mp4"), told.append)
    assert (done.frames, done.shown, done.hidden, done.doubts, done.needs_look, done.code) == (4, 3, 1, 0, False, 0)
    assert done.out.read_bytes() == call.read_bytes()
    assert "a fake" in done.report.read_text()
    assert names(tmp_path) == WHOLE
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) & 0o77 for name in ("out.results.jsonl",)} == {0}
    assert (told[-1].source, told[-1].expected) == (call, 4), "also when the display has ended"
    assert told[-1].frames > 0
    assert [each.frames for each in told] == sorted(each.frames for each in told)


def test_a_person_should_look_where_nobody_could_judge(tmp_path: Path) -> None:
    doubtful = {
        "1": {"doubt": "two people cross"},
        "2": {"doubt": "two people cross"},
        "3": {"state": "hidden", "reason": "x"},
    }
    done = run(job(source(tmp_path, judged=doubtful), tmp_path / "out.mp4"))
    assert (done.doubts, done.hidden, done.needs_look, done.code) == (2, 1, True, 3)


def test_what_was_found_is_kept_when_a_stage_fails_and_used_by_the_next_run(tmp_path: Path) -> None:
    call = source(tmp_path, frames=6, fails_after=4, says="expected a disk, got a full one; make room", code=2)
    wanted = job(call, tmp_path / "out.mp4")
    with pytest.raises(UserError, match=r"call.mp4: display: expected a disk, got a full one; make room$"):
        run(wanted)
    assert names(tmp_path) == {"out.results.jsonl"}
    source(tmp_path, frames=6)
    run(wanted)
    assert looked(call) == [2]
    assert names(tmp_path) == WHOLE


def test_nothing_is_kept_where_nothing_was_found(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="which holds none"):
        run(
            job(
                source(tmp_path, fails_at_once=True, says="expected a video, got sound, which holds none", code=2),
                tmp_path / "out.mp4",
            )
        )
    assert names(tmp_path) == set()


def test_a_crash_is_no_mistake_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(RedactionError, match="display: crashed") as failed:
        run(job(source(tmp_path, fails_after=1, says="crashed", code=1), tmp_path / "out.mp4"))
    assert any("display: crashed" in line for line in failed.value.log)


def has_found(job: Job) -> bool:
    """Return whether a result is kept: a slow machine says how far it is before that."""
    return job.results.exists() and job.results.read_bytes().count(b"\n") > 1


def display_of(out: Path) -> int:
    """Return the pid of the fake display, 0 before it has started."""
    log = Path((out.with_name(f".{out.name}.onlyme") / "run-folder").read_text(), "log").read_text()
    found = re.search(r"display\.1 started \(pid=(\d+)\)", log)
    return int(found[1]) if found else 0


@pytest.mark.parametrize(
    ("whom", "how", "says"),
    [
        ("display", signal.SIGKILL, "call.mp4: display.1 was killed; start again: what was found is kept"),
        ("display", signal.SIGTERM, "call.mp4: the stages were ended by somebody else; start again"),
        ("its runner", signal.SIGKILL, "call.mp4: honcho has lost display.1; start again: what was found is kept"),
        ("honcho", signal.SIGKILL, "call.mp4: honcho was killed; start again: what was found is kept"),
    ],
)
def test_a_process_that_is_killed_from_elsewhere_is_said(
    whom: str, how: signal.Signals, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """honcho itself waits for ever where the runner of a stage is killed."""
    monkeypatch.setattr(call_module, "LOST_AFTER_S", 0.5)
    monkeypatch.setattr(call_module, "PATIENCE_S", 0.5)
    wanted = job(source(tmp_path, frames=1000, frame_s=0.02), tmp_path / "out.mp4")
    killed: list[int | None] = []

    def kill(_: Progress) -> None:
        if not killed and (pid := display_of(wanted.out)) and has_found(wanted):
            runner = parent_of(pid) or 0
            killed.append({"display": pid, "its runner": runner, "honcho": parent_of(runner)}[whom])
            os.kill(killed[0] or 0, how)

    with pytest.raises(RedactionError, match=re.escape(says)):
        run(wanted, kill)
    assert killed
    assert names(tmp_path) == {"out.results.jsonl"}


@pytest.mark.parametrize("changed", ["a setting of the model", "the source", "the background"])
def test_results_of_something_else_are_never_used(changed: str, tmp_path: Path) -> None:
    call = source(tmp_path, frames=3)
    wanted = job(call, tmp_path / "out.mp4", overwrite=True)
    run(wanted)
    before = key_in(wanted.results)
    if changed == "the source":
        with call.open("ab") as file:
            file.write(b"\0")
    given = {"a setting of the model": {"confidence": "0.4"}, "the background": {"background": "color:00ff00"}}
    run(job(call, tmp_path / "out.mp4", overwrite=True, **given.get(changed, {})))
    is_kept = changed == "the background"  # which decides nothing about who is where
    assert looked(call) == [3, 0 if is_kept else 3]
    assert (key_in(wanted.results) == before) is is_kept


def test_a_file_of_somebody_else_is_not_taken_for_results(tmp_path: Path) -> None:
    wanted = job(source(tmp_path), tmp_path / "out.mp4")
    wanted.results.write_text("my notes\n")
    with pytest.raises(ConfigError, match=r"out.results.jsonl \(no header"):
        run(wanted)
    assert wanted.results.read_text() == "my notes\n"


def refused(wanted: Job, folder: Path) -> str:
    """What is said of a job that is refused before anything in the folder is made or changed."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises((ConfigError, SourceError)) as error:
        run(wanted)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert "\n" not in str(error.value)
    return str(error.value)


def test_paths_that_cannot_be_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    wanted = job(source(tmp_path), tmp_path / "out.mp4")
    (tmp_path / "there.mp4").write_text("a film")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "link.mp4").symlink_to(wanted.source)
    say = {
        "a new file": replace(wanted, out=tmp_path / "there.mp4"),
        "another file than the source": replace(wanted, out=wanted.source, overwrite=True),
        "link.mp4; name another": replace(wanted, out=tmp_path / "link.mp4", overwrite=True),
        "folder.mp4 (a folder)": replace(wanted, out=tmp_path / "folder.mp4"),
        "a folder that is there": replace(wanted, out=tmp_path / "none" / "out.mp4"),
        "(not there)": replace(wanted, source=tmp_path / "none.mp4"),
        "(a folder)": replace(wanted, source=tmp_path),
        "(no file)": replace(wanted, source=Path("/dev/null")),
    }  # fmt: skip
    for text, each in say.items():
        assert text in refused(each, tmp_path)


def test_a_source_that_may_not_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = job(source(tmp_path), tmp_path / "out.mp4")
    monkeypatch.setattr(Path, "is_file", lambda _: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(
        SourceError, match=r"IN: expected a path that can be read, got .*call.mp4 \(Permission denied\)"
    ):
        run(wanted)


def test_a_source_that_changes_meanwhile_gives_no_output(tmp_path: Path) -> None:
    call = source(tmp_path, frames=4, frame_s=0.2)

    def grow(_: Progress) -> None:
        with call.open("ab") as file:
            file.write(b"\0")

    with pytest.raises(SourceError, match="it changed while it was read"):
        run(job(call, tmp_path / "out.mp4"), grow)
    assert names(tmp_path) == {"out.results.jsonl"}


def test_stages_that_fail_when_the_film_has_its_name_leave_no_output(tmp_path: Path) -> None:
    """By then the report is made."""
    call = source(tmp_path, fails_at_the_end=True, ends_after_s=1.0, code=1, says="it failed at the end")
    reports: list[Path] = []

    def watch(_: Progress) -> None:
        reports.extend(tmp_path.glob(".out.mp4.onlyme/report.html"))

    with pytest.raises(RedactionError, match="it failed at the end"):
        run(job(call, tmp_path / "out.mp4"), watch)
    assert reports
    assert names(tmp_path) == {"out.results.jsonl"}


def test_two_redactions_of_one_output_refuse_each_other(tmp_path: Path) -> None:
    wanted = job(source(tmp_path), tmp_path / "out.mp4")
    with Workplace(wanted.out), pytest.raises(AlreadyRunningError, match="only one that makes it"):
        run(wanted)
    run(wanted)


def test_a_stop_ends_the_stages_and_removes_what_was_begun(tmp_path: Path) -> None:
    stop = threading.Event()
    wanted = job(source(tmp_path, frames=1000, frame_s=0.02), tmp_path / "out.mp4")

    def end(_: Progress) -> None:
        if has_found(wanted):
            stop.set()

    with pytest.raises(KeyboardInterrupt):
        run(wanted, end, stop)
    assert names(tmp_path) == {"out.results.jsonl"}
    with ResultsFile(wanted.results, writes=True):
        pass  # no stage holds it


def test_what_a_caller_raises_on_the_way_comes_out(tmp_path: Path) -> None:
    wanted = job(source(tmp_path, frames=1000, frame_s=0.02), tmp_path / "out.mp4")

    def fail(_: Progress) -> None:
        if has_found(wanted):
            raise OSError("of the caller")

    with pytest.raises(OSError, match="of the caller"):
        run(wanted, fail)
    assert names(tmp_path) == {"out.results.jsonl"}


def test_a_setting_that_cannot_be_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--background.*expected blur, color:RRGGBB"):
        job(source(tmp_path), tmp_path / "out.mp4", background="pink")
    with pytest.raises(TypeError, match="no such setting of a redaction: backgruond"):
        job(source(tmp_path), tmp_path / "out.mp4", backgruond="blur")


ON_A_FULL_DISK = """
import sys
from pathlib import Path
from common.errors import UserError
from common.redaction import call as call_module
from common.redaction.one import run
from common.runtime.procinfo import parent_of
from tests.common.redaction.staged import job
try:
    run(job(Path(sys.argv[1]), Path(sys.argv[2])))
except UserError as error:
    print(error)
"""


@pytest.mark.root
@pytest.mark.parametrize("size", ["8k", "1m"])  # too small for anything, and for the film
def test_a_full_disk_is_one_line(size: str, tmp_path: Path) -> None:
    call = source(tmp_path / "in", frames=3)
    disk = tmp_path / "disk"
    disk.mkdir()
    with call.open("ab") as file:
        file.truncate(3_000_000)
    done = on_a_disk(f"size={size}", disk, ["-c", ON_A_FULL_DISK, str(call), str(disk / "out.mp4")], dict(os.environ))
    assert done.stdout.count("\n") == 1, done.stdout + done.stderr
    assert "No space left on device" in done.stdout


def test_what_a_killed_process_left_is_removed_also_where_its_output_is_whole(tmp_path: Path) -> None:
    wanted = job(source(tmp_path), tmp_path / "out.mp4")
    run(wanted)
    (tmp_path / ".out.mp4.onlyme").mkdir()
    (tmp_path / ".out.mp4.onlyme" / "judgements.jsonl").touch()
    assert "a new file" in refused(wanted, tmp_path / "none")
    assert names(tmp_path) == WHOLE
