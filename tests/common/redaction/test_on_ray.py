"""Recordings as tasks of a Ray that is started here: a head and two more nodes with one core each. The stages are fakes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from common.errors import ConfigError
from common.redaction import on_ray
from common.redaction.one import Job
from common.redaction.outcome import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_MISTAKE, EXIT_OK, Progress
from common.redaction.shelf import Outcome, Plan, plan, run_one
from common.runtime.procinfo import parent_of
from tests.call import processes_with
from tests.common.redaction.staged import job, looked, procfile, source, start
from tests.shared import ROOT

FILES, SLOW = 12, "05.mp4"
MEMORY = 80 * 2**20  # of a node's object store: nothing large goes through it
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without cores, so that every task runs on another node."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="onlyme-ray-") as folder:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_TMPDIR", folder)
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "object_store_memory": MEMORY, "include_dashboard": False}
        head |= {"include_log_monitor": False, "no_monitor": True}  # which would take their time to start
        made = Cluster(initialize_head=True, head_node_args=head)
        yield made
        made.shutdown()


@pytest.fixture
def nodes(cluster: Any) -> list[Any]:
    """Two nodes with a core each."""
    while len(cluster.worker_nodes) < 2:
        cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    return list(cluster.worker_nodes)


class Reporter:
    """Keeps the outcomes, and does what a test wants at any progress."""

    def __init__(self, at_progress: Callable[[], None] = lambda: None) -> None:
        self.outcomes: list[Outcome] = []
        self._at_progress = at_progress

    def progress(self, progress: Progress) -> None:
        self._at_progress()

    def outcome(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def close(self, code: int, done_before: int) -> None:
        raise AssertionError("whoever made the reporter closes it")


def planned(folder: Path, out: Path) -> Plan:
    settings = job(next(folder.glob("*.mp4")), out).settings
    made = plan([folder], out, settings, workers=1)
    return replace(made, jobs=[replace(each, procfile=procfile(folder)) for each in made.jobs])


def eventually(holds: Callable[[], Any]) -> Any:
    """Wait until it holds; fail if it never does."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def processes_at(job: Job) -> list[int]:
    """The processes of attempts at a job that have found something."""
    folders = job.out.parent.glob(f".{job.out.name}.attempt-*")
    found = [path for path in folders if (path / job.results.name).exists()]
    return [int(path.name.split("-")[-2]) for path in found if (path / job.results.name).read_bytes().count(b"\n") > 2]


@pytest.mark.ray
def test_a_mistake_of_one_recording_is_its_outcome_and_not_tried_again(
    cluster: Any, nodes: list[Any], tmp_path: Path
) -> None:
    source(tmp_path / "calls", "bad.mp4", fails_after=1, says="expected a video, got none; name another", code=2)
    source(tmp_path / "calls", "good.mp4")
    source(tmp_path / "calls", "there.mp4")
    somebodys = tmp_path / "out" / "there.mp4"
    somebodys.parent.mkdir()
    somebodys.write_text("not made by this program")
    on_ray.connect(cluster.address, 1)
    outcomes = {
        each.source.name: each for each in on_ray.run_all(planned(tmp_path / "calls", tmp_path / "out"), Reporter())
    }
    assert (outcomes["good.mp4"].code, outcomes["good.mp4"].error) == (EXIT_OK, "")
    assert outcomes["bad.mp4"].code == EXIT_MISTAKE
    assert outcomes["bad.mp4"].error.endswith("bad.mp4: display: expected a video, got none; name another")
    assert outcomes["there.mp4"].error == (
        f"--out: expected a new file, got {somebodys}, which is there; name another, or add --overwrite"
    )
    assert somebodys.read_text() == "not made by this program"


@pytest.mark.ray
def test_a_recording_whose_process_dies_each_time_is_an_outcome(
    cluster: Any, nodes: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source(tmp_path / "calls", "bad.mp4", frames=1000, frame_s=0.1)
    work = planned(tmp_path / "calls", tmp_path / "out")
    monkeypatch.setattr(on_ray, "DEATHS", 0)

    def kill() -> None:
        for pid in processes_at(work.jobs[0]):
            os.kill(pid, signal.SIGKILL)

    on_ray.connect(cluster.address, 1)
    outcome = on_ray.run_all(work, Reporter(at_progress=kill))[0]
    assert (outcome.source, outcome.code) == (work.jobs[0].source, EXIT_FAILED)
    assert outcome.error.startswith(f"{outcome.source}: Ray has given it up after 1 attempts: ")
    assert "\n" not in outcome.error


@pytest.mark.ray
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_who_ends_the_command_ends_the_stages_on_the_nodes_and_the_next_one_goes_on(
    signum: signal.Signals, cluster: Any, nodes: list[Any], tmp_path: Path
) -> None:
    calls, out, found = tmp_path / "calls", tmp_path / "out", ("a.mp4", "b.mp4")
    jobs = [job(source(calls, name, frames=1000, frame_s=0.1), out / name) for name in found]
    arguments = (calls, "-o", out, "--mask-rcnn=none", "--ray", cluster.address, "--json")
    with start(calls, *arguments) as command:
        eventually(lambda: all(map(processes_at, jobs)))
        command.send_signal(signum)
        _, errors = command.communicate(timeout=PATIENCE_S)
    if signum == signal.SIGTERM:
        assert command.returncode == EXIT_INTERRUPTED
        assert errors.splitlines()[-1].startswith("onlyme redact: interrupted; what was found is kept")
    eventually(lambda: not processes_with(str(calls)))
    for name in found:
        source(calls, name, frames=1000)
    with start(calls, *arguments) as again:
        said, errors = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == EXIT_OK, errors
    told = [json.loads(line)["event"] for line in said.splitlines()]
    assert [event for event in told if event != "progress"] == ["outcome", "outcome", "summary"]
    assert min(looked(calls / name)[0] for name in found) < 1000
    assert not list(out.glob(".*"))


@pytest.mark.ray
def test_more_cores_than_any_node_has_are_refused(cluster: Any, nodes: list[Any]) -> None:
    with pytest.raises(
        ConfigError, match=r"^--workers: expected at most 1, the cores of the largest node of Ray, got 2; "
    ):
        on_ray.connect(cluster.address, 2)


@pytest.mark.ray
def test_a_node_that_is_killed_costs_no_output_and_doubles_none(
    cluster: Any, nodes: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls, out = tmp_path / "calls", tmp_path / "out"
    for number in range(FILES):
        source(calls, f"{number:02}.mp4")
    source(calls, SLOW, frames=1000, frame_s=0.1)
    work = planned(calls, out)
    slow = next(each for each in work.jobs if each.source.name == SLOW)

    def kill() -> None:
        """Kill the node at work on the slow one, which is a quick one from then on."""
        if len(cluster.worker_nodes) == 2 and (pids := processes_at(slow)):
            source(calls, SLOW, frames=1000)
            raylets = {each.all_processes["raylet"][0].process.pid: each for each in nodes}
            cluster.remove_node(raylets[parent_of(pids[0]) or 0], allow_graceful=False)

    reporter = Reporter(at_progress=kill)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    on_ray.connect("auto", 1)
    outcomes = on_ray.run_all(work, reporter)
    said = capsys.readouterr()
    assert said.out == "", "Ray speaks where JSON lines are not"
    assert [outcome.code for outcome in outcomes] == [EXIT_OK] * FILES
    assert reporter.outcomes == outcomes
    assert {outcome.source for outcome in outcomes} == {each.source for each in work.jobs}
    for each in work.jobs:
        assert each.out.read_bytes() == each.source.read_bytes()
        assert len(looked(each.source)) == 1, "one whole run"
    assert len(cluster.worker_nodes) == 1
    assert looked(slow.source)[0] < 1000, "the retry went on with what was found"
    kept = [f"{number:02}.{suffix}" for number in range(FILES) for suffix in ("mp4", "report.html", "results.jsonl")]
    assert sorted(path.name for path in out.iterdir()) == sorted([*kept, "onlyme-manifest.jsonl"])
    eventually(lambda: not processes_with(str(calls)))
    again = planned(calls, out)
    assert (again.jobs, len(again.done)) == ([], FILES)


@pytest.mark.ray
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("auto", "expected Ray's head to answer at 127.0.0.1:8, got .*Connection refused; start it with ray start"),
        (
            "127.0.0.1:9",
            "expected Ray's head to answer at 127.0.0.1:9, got .*Connection refused; start it with ray start",
        ),
        ("ray://127.0.0.1:9", "expected HOST:PORT of Ray's head, or auto, got 'ray://127.0.0.1:9'"),
        ("nonsense", "expected HOST:PORT of Ray's head, or auto, got 'nonsense'"),
    ],
)
def test_an_address_where_no_ray_answers_is_one_line(address: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:8")
    with pytest.raises(ConfigError, match=f"^--ray: {said}") as refused:
        on_ray.connect(address, 1)
    assert "\n" not in str(refused.value)


def test_an_output_that_only_its_node_sees_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = job(source(tmp_path), tmp_path / "out.mp4")
    made = run_one(wanted)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get=lambda _: made))
    assert on_ray.outcome_of("a task", wanted) == made
    wanted.out.unlink()
    unseen = on_ray.outcome_of("a task", wanted)
    assert (unseen.code, unseen.redaction) == (EXIT_MISTAKE, None)
    assert unseen.error.startswith(f"{wanted.out}: made on a node, but this machine does not see it; keep outputs on")


def test_without_ray_the_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(
        ConfigError, match=r"^--ray: expected Ray to be installed, got none; run .*requirements-ray.txt"
    ):
        on_ray.connect("auto", 1)


def test_a_node_without_onlyme_says_so(tmp_path: Path) -> None:
    sent = (ROOT / "common" / "redaction" / "ray_task.py").read_text()
    asked = f"{sent}\nprint(redact({str(tmp_path)!r}, {{}}, (), None))"
    said = subprocess.run(
        [sys.executable, "-P", "-c", asked], cwd=tmp_path, env={}, capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    assert said.startswith(f"--ray: expected onlyme in {tmp_path} on every node")
    assert said.count("\n") == 1
