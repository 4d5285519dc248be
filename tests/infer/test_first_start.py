"""What `make run` fetches, from a local server: once, and never for long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infer import fetch
from infer.download import Pinned
from infer.first_start import fetch_once
from infer.model_folder import CLASS_LIST, NOT_FETCHED, models_in
from tests.call import processes_of
from tests.conftest import on_a_disk
from tests.infer.server import FAULTS, Server, serving
from tests.infer.test_download import sum_of
from tests.infer.test_fetch import STAND_IN, names
from tests.processes.neighbours import wait_for
from tests.shared import MASK_RCNN_2GO, ROOT

LIMIT_S, PLENTY_S = 1.0, 30.0
ENDLESS = {"silent", "silent_half_way", "slow", "slow_to_answer"}
STUCK = "\nmodel: none was fetched (not here within 1 s); the embedded detector finds people, make model tries again\n"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(STAND_IN.files) as server:
        yield server


def pinned_at(server: Server) -> dict[str, Pinned]:
    return {path[1:]: one for path, one in STAND_IN.pinned(server).items()}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_reported_once_in_one_line(
    fault: str, server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server.faults["/model.pb"] = fault
    limit_s = LIMIT_S if fault in ENDLESS else PLENTY_S  # a busy machine may be late to notice another fault
    for _ in range(2):
        fetch_once(tmp_path, pinned_at(server), limit_s)
    asked, said = len(server.asked), capfd.readouterr().out
    assert said.count("model: fetching a small Mask R-CNN") == 1
    assert said.count("\n") == 2
    assert (said.endswith(STUCK)) is (fault in ENDLESS), said
    assert models_in(tmp_path) == []
    assert (tmp_path / NOT_FETCHED).read_text().count("\n") == 1
    fetch_once(tmp_path, pinned_at(server), limit_s)
    assert (len(server.asked), capfd.readouterr().out) == (asked, ""), "a later start neither asks nor waits nor speaks"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://nobody.invalid/"], ids=["port", "name"])
def test_a_missing_server_is_tried_once(url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fetch_once(tmp_path, {"model.pb": Pinned(url, sum_of(b"else"))})
    assert capfd.readouterr().out.count("\n") == 2
    assert "0 bytes in 4 attempts" in (tmp_path / NOT_FETCHED).read_text()


def test_the_folder_of_a_model_is_made_where_an_installed_copy_has_none(server: Server, tmp_path: Path) -> None:
    server.faults["/model.pb"] = "missing"
    fetch_once(tmp_path / "data" / "onlyme", pinned_at(server), LIMIT_S)
    assert (tmp_path / "data" / "onlyme" / NOT_FETCHED).is_file()


@pytest.mark.model
def test_only_the_model_is_left_in_the_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with serving({f"/{name}": (MASK_RCNN_2GO / name).read_bytes() for name in fetch.SMALL}) as server:
        for _ in range(2):
            fetch_once(tmp_path, {n: server.instead_of(p, f"/{n}") for n, p in fetch.SMALL.items()})
        assert len(server.asked) == 2, "the second time nothing is asked for"
    assert names(tmp_path) == {fetch.SMALL_NAME, CLASS_LIST}
    said = capfd.readouterr()
    assert said.out.count("\n") == 2
    assert "model_init.pb" in said.err, "progress"


def test_a_complete_file_that_is_not_a_model_is_tried_once(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fetch_once(tmp_path, pinned_at(server))
    assert "the embedded detector finds people" in capfd.readouterr().out
    assert models_in(tmp_path) == []


@pytest.mark.parametrize("name", ["frozen_inference_graph.pb", "any.onnx"])
def test_nothing_is_fetched_beside_a_model(name: str, server: Server, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    fetch_once(tmp_path, pinned_at(server))
    assert (server.asked, names(tmp_path)) == ([], {name})


ONCE = """
import signal, sys
from pathlib import Path
from infer import first_start
from tests.infer.test_first_start import STAND_IN, fetch_once, pinned_at, serving

signal.signal(signal.SIGINT, signal.default_int_handler)  # tests may have been started where it is ignored

def main():
    with serving(STAND_IN.files) as server:
        if sys.argv[2]:
            server.faults["/model.pb"] = sys.argv[2]
        folder, limit_s, sys.argv[1:] = Path(sys.argv[1]), float(sys.argv[3]), []
        first_start.fetch_once = lambda _: fetch_once(folder, pinned_at(server), limit_s)
        first_start.main()
        print(f"asked {len(server.asked)} times")

main()
"""


@pytest.mark.root
@pytest.mark.parametrize(("disk", "asked"), [("ro", 0), ("size=100k", 2)], ids=["read-only", "full"])
def test_a_disk_that_cannot_be_written_does_not_delay_the_start(disk: str, asked: int, tmp_path: Path) -> None:
    said = on_a_disk(disk, tmp_path, ["-c", ONCE, str(tmp_path), "", "20"], dict(os.environ))
    assert f"asked {asked} times" in said.stdout, said
    assert said.stdout.count("cannot be written (") == 1
    assert "Traceback" not in said.stderr


@contextmanager
def waiting(folder: Path, limit_s: float) -> Iterator[subprocess.Popen[str]]:
    """A start that waits for a silent server, in a process group of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", ONCE, str(folder), "silent", str(limit_s)], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True, env={**os.environ, "ONLYME_RUN_DIR": str(folder)},
    ) as start:  # fmt: skip
        wait_for("the fetch", (folder / "parts").is_dir, 20)
        yield start


def test_an_interrupted_attempt_is_not_repeated(tmp_path: Path) -> None:
    with waiting(tmp_path, 60) as start:
        os.killpg(start.pid, signal.SIGINT)
        _, error = start.communicate(timeout=20)
    assert (start.returncode, error) == (130, "")
    assert (tmp_path / NOT_FETCHED).read_text() == "it was not finished\n"
    with serving(STAND_IN.files) as server:
        fetch_once(tmp_path, pinned_at(server))
        assert server.asked == []


def test_a_killed_start_leaves_no_process(tmp_path: Path) -> None:
    with waiting(tmp_path, LIMIT_S) as start:
        start.kill()
        start.wait()
        assert processes_of(tmp_path), "there was something to leave"
        wait_for("the end of the fetch", lambda: not processes_of(tmp_path), 20)


COMMAND = """
import sys
from infer import first_start
first_start.fetch_once = lambda folder: print("asks")
first_start.main()
"""


@pytest.mark.parametrize(
    ("settings", "flags", "asks"),
    [
        ({}, [], True), ({"FETCH": "yes"}, [], True), ({"FETCH": "no"}, [], False), ({}, ["--fetch", "no"], False),
        ({"MASK_RCNN": "/elsewhere"}, [], False), ({"MASK_RCNN": "none"}, [], False), ({"MASK_RCNN": str(fetch.FOLDER)}, [], True),
    ],
)  # fmt: skip
def test_nothing_is_fetched_with_no_or_another_model(settings: dict[str, str], flags: list[str], asks: bool) -> None:
    done = command(settings, *flags)
    assert (done.returncode, done.stdout, done.stderr) == (0, "asks\n" * asks, "")


def test_a_misspelt_no_is_refused() -> None:
    done = command({"FETCH": "nope"})
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "expected one of yes, no, got 'nope'" in done.stderr


def command(settings: dict[str, str], *flags: str) -> subprocess.CompletedProcess[str]:
    plain = {k: v for k, v in os.environ.items() if not k.startswith("ONLYME_")}
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *flags], cwd=ROOT, env=plain | {f"ONLYME_{k}": v for k, v in settings.items()},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
