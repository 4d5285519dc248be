"""Broadcasts the newest picture and the newest facts from the display's thread to the server's tasks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Any

REPEAT_S = 0.5  # facts are sent again so often while they do not change
VIEWER_S = 2.0  # a viewer that asked for a picture within this time is watching
# facts that are sent as soon as they change
URGENT = ("state", "privacy", "epoch", "question", "everybody", "style", "recording")


class LatestFrame:
    """Holds one picture and its facts. A slow viewer skips to the newest, and nothing queues.

    One thread calls `publish`; everything else runs in the event loop of the server.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Condition()
        self._waking = set[asyncio.Task[None]]()
        self._lock = threading.Lock()
        self._number, self._jpeg, self._facts = 0, b"", dict[str, Any]()
        self._urgent_changes = 0
        self._streams = 0
        self._asked_at = dict[int, float]()  # viewers that ask for one picture after the other, by number

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake the tasks of this event loop from now on."""
        self._loop = loop

    @property
    def watching(self) -> int:
        """How many viewers take pictures."""
        now = time.monotonic()
        with self._lock:
            return self._streams + sum(now - at < VIEWER_S for at in self._asked_at.values())

    def publish(self, jpeg: bytes | None, facts: dict[str, Any]) -> None:
        """Replace facts and picture. `jpeg` is None where nobody watches; nobody gets the picture before it then."""
        with self._lock:
            if any(facts.get(name) != self._facts.get(name) for name in URGENT):
                self._urgent_changes += 1
            self._facts = facts
            self._number, self._jpeg = self._number + 1, jpeg or b""
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

    async def frames(self) -> AsyncIterator[bytes]:
        """Yield JPEG after JPEG, each time the newest, starting with the first one published after this call."""
        with self._lock:
            self._streams += 1
            seen = self._number
        try:
            while True:
                await self._until(partial(self._has_picture_besides, seen))
                with self._lock:
                    seen, jpeg = self._number, self._jpeg
                yield jpeg
        finally:
            with self._lock:
                self._streams -= 1

    async def picture_besides(self, seen: int, viewer: int) -> tuple[int, bytes, dict[str, Any]]:
        """Wait for another picture than the one with the number `seen`, REPEAT_S at most.

        Args:
            seen: Number of the picture that the viewer has.
            viewer: Any number that tells this viewer from others. The viewer counts as watching for VIEWER_S.

        Returns:
            Number and JPEG of the newest picture, and the facts of it. The JPEG is b"" if no other has come, and also for a
            picture that nobody watched: its number is another than `seen` then.
        """
        now = time.monotonic()
        with self._lock:
            self._asked_at = {v: at for v, at in self._asked_at.items() if now - at < VIEWER_S} | {viewer: now}
        with suppress(asyncio.TimeoutError):
            async with asyncio.timeout(REPEAT_S):
                await self._until(partial(self._has_picture_besides, seen))
        watching = self.watching
        with self._lock:
            jpeg = b"" if self._number == seen else self._jpeg
            return self._number, jpeg, {**self._facts, "watching": watching}

    async def facts(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the newest facts every REPEAT_S, and at once when an urgent one changes."""
        while True:
            watching = self.watching
            with self._lock:
                changes, facts = self._urgent_changes, {**self._facts, "watching": watching}
            yield facts
            with suppress(asyncio.TimeoutError):
                async with asyncio.timeout(REPEAT_S):
                    await self._until(partial(self._has_urgent_change_since, changes))

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(holds)

    def _has_picture_besides(self, seen: int) -> bool:
        return self._number != seen and self._jpeg != b""

    def _has_urgent_change_since(self, changes: int) -> bool:
        return self._urgent_changes != changes
