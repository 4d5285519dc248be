"""A thread that writes what a sink gives it, so that the display never waits for a disk or an encoder."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from common.errors import DisplayError
from display.sinks.sink import one_line

MAX_WAITING_BYTES = 100_000_000  # 36 pictures at 720p, 4 at 2160p; a larger picture waits alone
CLOSE_PATIENCE_S = 4.0  # a display whose loop stands still for 5 s is killed and started again

log = logging.getLogger("onlyme")

T = TypeVar("T")


class WriterThread(Generic[T]):
    """Gives items to a function that runs in a thread. The items that wait are bounded in bytes.

    Args:
        sink: Name of the sink, for the thread and for errors.
        out: What is to be written, for errors.
        write: Takes items until there are no more. What it raises ends the thread.

    Attributes:
        path: The file or folder that is written now, None before it can be read.
    """

    def __init__(self, sink: str, out: Path, write: Callable[[Iterator[T]], None]) -> None:
        self._sink, self._out, self._write = sink, out, write
        self.path: Path | None = None
        self._queue: queue.SimpleQueue[tuple[T, int] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name=sink, daemon=True)
        self._thread.start()

    @property
    def fill(self) -> float:
        """Share of the bytes that may wait which do, the item that is being written included."""
        return self._waiting_bytes / MAX_WAITING_BYTES

    def began(self, path: Path) -> None:
        """Log which file or folder is written from now on, and name it in errors. `write` calls this once it can be read."""
        self._out = self.path = path
        log.info("recording to %s", path)

    def put(self, item: T, size: int) -> bool:
        """Give an item of `size` bytes to the thread; return False, and leave it out, if too much waits already.

        Raises:
            DisplayError: The thread has failed.
        """
        if self._failure:
            raise DisplayError(self._failure)
        with self._lock:
            if self._waiting_bytes and self._waiting_bytes + size > MAX_WAITING_BYTES:
                return False
            self._waiting_bytes += size
        self._queue.put((item, size))
        return True

    def close(self) -> None:
        """Wait until everything is written.

        Raises:
            DisplayError: The thread has failed, or did not end within CLOSE_PATIENCE_S.
        """
        self._queue.put(None)
        self._thread.join(CLOSE_PATIENCE_S)
        if self._failure:
            raise DisplayError(self._failure)
        if self._thread.is_alive():
            raise DisplayError(f"--out: {self._out} is too slow: the last pictures are not written; name another")

    def _items(self) -> Iterator[T]:
        while (waiting := self._queue.get()) is not None:
            item, size = waiting
            yield item
            del waiting, item
            with self._lock:
                self._waiting_bytes -= size

    def _run(self) -> None:
        try:
            self._write(self._items())
        except OSError as error:
            why = error.strerror or one_line(error)
            self._failure = f"--out: cannot go on writing {self._out} ({why}); make room there, or name another"
        except Exception as error:  # an encoder's own are of many kinds
            self._failure = f"--sink {self._sink}: cannot go on writing {self._out} ({one_line(error)})"
