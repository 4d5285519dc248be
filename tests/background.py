"""A thread of a test, from the beginning of a `with` to its end."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self


class Background:
    """Runs `run` beside the test; `run` returns soon after `stopping` is set."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name=type(self).__name__)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._thread.join()

    def run(self) -> None:
        """What is done meanwhile."""
        raise NotImplementedError
