"""The newest picture and the newest facts, from the display's thread to the server's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Any

AGAIN_S = 0.5  # facts are said so often where nothing changes
AT_ONCE = ("state", "privacy", "epoch", "question", "everybody")  # facts that are said as soon as they change


class Latest:
    """One value at a time: whoever is slow skips to the newest, and nothing queues.

    `put` is called by one thread, everything else by the server's event loop.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Condition()
        self._waking = set[asyncio.Task[None]]()
        self._lock = threading.Lock()
        self._number, self._jpeg, self._facts = 0, b"", dict[str, Any]()
        self._turns = 0  # of what the facts say, not of the pictures
        self.watching = 0  # who takes pictures

    def serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on this loop's tasks wait here."""
        self._loop = loop

    def put(self, jpeg: bytes | None, facts: dict[str, Any]) -> None:
        """The newest facts, and a picture if there is another."""
        with self._lock:
            if any(facts.get(name) != self._facts.get(name) for name in AT_ONCE):
                self._turns += 1
            self._facts = facts
            if jpeg is not None:
                self._number, self._jpeg = self._number + 1, jpeg
        if self._loop is not None:
            with suppress(RuntimeError):  # the server has ended
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        task = asyncio.ensure_future(self._notify())
        self._waking.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._waking.discard)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def pictures(self) -> AsyncIterator[bytes]:
        """JPEG after JPEG, the newest each time; never one from before it was asked."""
        self.watching += 1
        seen = self._number
        try:
            while True:
                await self._until(partial(self._is_after, seen))
                with self._lock:
                    seen, jpeg = self._number, self._jpeg
                yield jpeg
        finally:
            self.watching -= 1

    async def facts(self) -> AsyncIterator[dict[str, Any]]:
        """The newest facts, again and again, at once where the state changes."""
        while True:
            with self._lock:
                turn, facts = self._turns, {**self._facts, "watching": self.watching}
            yield facts
            with suppress(asyncio.TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await self._until(partial(self._has_turned_since, turn))

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(holds)

    def _is_after(self, number: int) -> bool:
        return self._number != number

    def _has_turned_since(self, turn: int) -> bool:
        return self._turns != turn
