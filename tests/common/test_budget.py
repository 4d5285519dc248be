from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from common import budget
from common.budget import AMPLE, LEAST_HZ, MOST_EVERY, Allowance, Budget, MattePace, Pace, allowance, on_battery
from common.figures import path_of
from common.identity import start_ticks


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((100, 0.5, 1, 0.1), Allowance(5.0, 5 / LEAST_HZ)),
        ((100, 0.5, 2, 0.1), Allowance(2.5, 5 / LEAST_HZ)),
        ((100, 0.5, 1, 0.5), Allowance(LEAST_HZ, 1 / LEAST_HZ)),
        ((50, 0.9, 2, 0.5), Allowance(LEAST_HZ / 2, 0.0)),
    ],
)
def test_what_is_left_is_shared_and_never_less_than_masks_live_by(
    given: tuple[float, float, int, float], expected: Allowance
) -> None:
    assert allowance(*given) == pytest.approx(expected)


def test_the_least_rate_keeps_masks_alive() -> None:
    assert 1 / LEAST_HZ + 0.25 < 0.75, "interval and look, under the limit of age"


def say(run_dir: Path, process: str, **values: float) -> None:
    """What a process would have left; it is this one, so it runs."""
    rows = [[name, {}, value, 0] for name, value in values.items()]
    content = {"pid": os.getpid(), "start": start_ticks(os.getpid()), "rows": rows}
    path_of(run_dir, process).write_text(json.dumps(content))


def spend(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_a_worker_paces_itself_by_what_it_costs_and_others_use(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "LOOK_EVERY_S", 0.0)
    run_dir.mkdir()
    say(run_dir, "compose.1", cpu_cores=0.4)
    say(run_dir, "capture.1", cpu_cores=0.1)
    say(run_dir, "infer.1", cpu_cores=1.5)
    pace = Pace(Budget(100, False, run_dir), 0)
    assert pace.period_s() == 0, "what a look costs is not known yet"
    assert not pace.is_bound
    pace.looked()
    for _ in range(8):
        spend(0.05)
        pace.looked()
    assert pace.period_s() == pytest.approx(0.05 / 0.5, rel=0.3)
    assert pace.is_bound
    unbound = Pace(Budget(0, False, run_dir), 4)
    assert unbound.period_s() == 0.25
    assert not unbound.is_bound
    say(run_dir, "infer.2", cpu_cores=0.5)
    assert pace.period_s() == pytest.approx(2 * 0.05 / 0.5, rel=0.3)


def test_the_matte_yields_where_workers_have_too_little_and_comes_back(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "LOOK_EVERY_S", 0.0)
    run_dir.mkdir()
    pace = MattePace(Budget(100, False, run_dir))
    assert pace.look() == 1
    say(run_dir, "infer.1", budget_spare=0.8)
    assert [pace.look() for _ in range(12)][-1] == MOST_EVERY
    say(run_dir, "infer.1", budget_spare=1.2)
    assert [pace.look() for _ in range(12)][-1] == MOST_EVERY, "between the two it stays"
    say(run_dir, "infer.1", budget_spare=AMPLE + 0.1)
    assert [pace.look() for _ in range(12)][-1] == 1
    assert MattePace().look() == 1


def test_the_battery_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_dir: Path) -> None:
    assert not on_battery(tmp_path)
    (tmp_path / "BAT0").mkdir()
    for status, is_on in (("Charging", False), ("Discharging", True), ("Full", False)):
        (tmp_path / "BAT0" / "status").write_text(status + "\n")
        assert on_battery(tmp_path) is is_on
    run_dir.mkdir()
    for is_on, percent, expected in ((True, 0, 100), (True, 60, 60), (True, 200, 100), (False, 0, 0), (False, 60, 60)):
        monkeypatch.setattr(budget, "on_battery", lambda is_on=is_on: is_on)
        assert Budget(percent, True, run_dir).look() == (expected, [])
    assert Budget(0, False, run_dir).look() is None
