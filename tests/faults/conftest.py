from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.scenes import PatternedScene
from tests.faults.watch import WatchedCall, nothing_leaked
from tests.faults.worker import HEIGHT, WIDTH, ExactWorker, exact_call, honest


@pytest.fixture(scope="session")
def scene() -> PatternedScene:
    return PatternedScene(WIDTH, HEIGHT, 30)


@contextmanager
def judged_call(scene: PatternedScene, max_mask_age: int = 0) -> Iterator[tuple[WatchedCall, ExactWorker]]:
    """Run one call for many tests, and judge at its end what came out during any of them."""
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        with exact_call(Path(folder) / "run", scene, max_mask_age=max_mask_age) as running:
            yield running
        running[0].watch.since = 0, 0
        assert nothing_leaked(running[0].watch)


@pytest.fixture(scope="module")
def call_of_the_module(scene: PatternedScene) -> Iterator[tuple[WatchedCall, ExactWorker]]:
    """Run one call for all tests of a module."""
    with judged_call(scene) as running:
        yield running


@pytest.fixture
def shared_call(call_of_the_module: tuple[WatchedCall, ExactWorker]) -> tuple[WatchedCall, ExactWorker]:
    """Give a test the module's call, live and with a sound worker, whatever the test before it did."""
    call, worker = call_of_the_module
    worker.answer = honest
    call.wait_live(time.monotonic())
    call.watch.since = len(call.watch.seen), call.watch.unjudged
    return call, worker
