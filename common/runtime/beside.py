"""Runs what may take long in a thread: a loop that stands still for some seconds is taken for stuck, and its process is ended."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import ParamSpec, TypeVar

from common.runtime.stage_context import StageContext

BEAT_S = 0.1

P = ParamSpec("P")
T = TypeVar("T")


class Beside:
    """Runs one function after the other in one thread, and waits for each.

    Args:
        stage: Is told meanwhile that the loop turns.
    """

    def __init__(self, stage: StageContext) -> None:
        self._stage, self._thread = stage, ThreadPoolExecutor(1)

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a function returns, or raise what it raises. A request to stop does not cut it short."""
        done = self._thread.submit(function, *args, **kwargs)
        while not wait([done], BEAT_S).done:
            self._stage.should_stop()
        return done.result()
