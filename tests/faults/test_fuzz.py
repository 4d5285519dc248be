"""Garbage at every port of a call that goes on meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from common.ipc.streams import open_context
from common.metrics.counters import Counters
from display.relay.keyring import KeyStore, read_viewer_key
from tests.call import Stage, free_port, stages
from tests.faults.fuzz import Thrower
from tests.faults.put_out import TOKEN, PageWatched, RelayWatched
from tests.faults.scenes import PatternedScene
from tests.faults.watch import nothing_leaked
from tests.faults.worker import exact_call
from tests.processes.neighbours import wait_for

INPUTS, ROUNDS = 6_000, 4  # of each of two calls
GROWN_MB = 10


def memory_mb(pid: int) -> float:
    """What a process has of its own."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty"))) / 1024


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.parametrize("curve", ["yes", "no"])
def test_garbage_kills_nothing_shows_nothing_and_stays_nowhere(
    curve: str, run_dir: Path, scene: PatternedScene, counters: Counters
) -> None:
    key = read_viewer_key(KeyStore(run_dir / "keys").new("viewer", run_dir)) if curve == "yes" else None
    page_port, relay = free_port(), f"tcp://127.0.0.1:{free_port()}"
    listening: dict[str, Any] = {
        "sink": "web",
        "web": f"127.0.0.1:{page_port}",
        "token": TOKEN,
        "relay": relay,
        "keys": run_dir / "keys",
        "curve": curve,
    }
    with (
        exact_call(run_dir, scene, **listening) as (call, _),
        PageWatched(page_port) as page,
        RelayWatched(relay, key, counters) as viewer,
        open_context() as context,
    ):
        thrower = Thrower(context, run_dir, (page_port, TOKEN), relay, key, seed=20261124)

        def running() -> dict[str, Stage]:
            return {name: pids for name, pids in stages(run_dir).items() if pids.child}

        def throw() -> None:
            thrower.throw(INPUTS // ROUNDS)
            had = len(page.got), len(viewer.got)
            call.wait("pictures for all", lambda: len(page.got) > had[0] + 10 and len(viewer.got) > had[1] + 10)

        throw()  # what is loaded and allotted for the first of them is no growth
        before = running()
        memory = {name: memory_mb(pids.live_child) for name, pids in before.items()}
        open_files = {name: descriptors(pids.live_child) for name, pids in before.items()}
        for _ in range(ROUNDS - 1):
            throw()
        grown = {name: round(memory_mb(pids.live_child) - memory[name], 1) for name, pids in before.items()}
        thrower.close()
        assert running() == before, "nobody died"
        wait_for(
            "the descriptors",
            lambda: all(descriptors(p.live_child) <= open_files[n] + 2 for n, p in before.items()),
        )
    print(f"{thrower.thrown}, grown by {grown} MB")
    assert sum(thrower.thrown.values()) == INPUTS
    assert {line.split()[1] for _, line in call.said if "malformed" in line} >= {"capture.1", "compose.1", "relay.1"}
    assert max(grown.values()) < GROWN_MB
    assert nothing_leaked(call.watch)
