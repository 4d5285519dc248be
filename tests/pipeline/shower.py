"""A page that is served by the test's own process, and waiting for what it shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from common.ipc.messages import CommandIssued, FrameComposed
from common.ipc.records import FrameInfo
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks.web import WebSink
from tests.background import Background
from tests.call import free_port
from tests.pace import as_if_idle
from tests.pipeline.browser import pixels


def until(page: Page, what: str, look: Callable[[], object], patience_s: float = 10) -> None:
    """Wait for what `look` sees on the page, as long as wait_for would."""
    begun = time.monotonic()
    while not look():
        waited_s = time.monotonic() - begun
        assert waited_s < patience_s or as_if_idle(waited_s) < patience_s, (
            f"waited {waited_s:.0f} s for {what}; the page says: {page.inner_text('body')}"
        )
        page.wait_for_timeout(50)


def is_live(page: Page) -> bool:
    return page.get_attribute("body", "data-state") == "live"


def live(page: Page) -> None:
    until(page, "a live picture", lambda: is_live(page) and pixels(page).std() > 5)


class Shower(Background):
    """Shows what the test says, on a page that is served by this process."""

    MESSAGE = FrameComposed(FrameInfo(2**62 + 1, 1, 1, 1, "s", 1, 360, 640), 1, "live", "", 80.5, True, "model")

    def __init__(self, run_dir: Path, host: str = "127.0.0.1", port: int = 0, out: Path | None = None) -> None:
        super().__init__()
        run_dir.mkdir(exist_ok=True)
        self.port = port or free_port()
        token = "t" * 22
        self._sink = WebSink(DisplaySettings(run_dir=run_dir, web=f"{host}:{self.port}", token=token, out=out), False)
        self.url = f"http://127.0.0.1:{self.port}/?token={token}"
        self.message, self.issued = self.MESSAGE, list[CommandIssued]()
        self.period_s = 0.05
        self.picture = np.full((360, 640, 3), 200, np.uint8)
        self._meter = Meter()

    def run(self) -> None:
        """See Background."""
        while not self.stopping.wait(self.period_s):
            self.show(255)
            self.issued += self._sink.poll().issued
        self._sink.close()

    def show(self, upper_half: int) -> None:
        """Show `picture` once, its upper half at this level."""
        picture, now_ns = self.picture.copy(), time.monotonic_ns()
        picture[:180] = upper_half
        self._meter.add(replace(self.message, frame=replace(self.message.frame, captured_ns=now_ns)), now_ns)
        self._sink.show(picture, self.message, self._meter)

    @property
    def shown(self) -> int:
        """How many pictures were shown."""
        return self._meter.shown

    @property
    def watching(self) -> set[int]:
        """Which pages take pictures."""
        return set(self._sink._latest._asked_at) if self._sink._latest.watching else set()
