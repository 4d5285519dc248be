"""The sink that shows a live table of the call in the terminal: one row a stage, in 80 columns and 24 rows."""

from __future__ import annotations

import sys
import time

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.metrics.metrics import read_samples
from common.vision.arrays import BgrImage
from display.meter import Meter, describe
from display.settings import DisplaySettings
from display.sinks.sink import UnattendedSink
from display.sinks.stage_table import Stages, rows_of, sum_up, table_of

EVERY_S = 1.0
HINT = "Ctrl-C ends this. Every figure of each process: /metrics of the page."


class StatusSink(UnattendedSink):
    """Shows how the call goes, and no picture.

    Raises:
        DisplayError: Standard output is not a terminal.
    """

    is_watched = False  # there is no picture to look at

    def __init__(self, settings: DisplaySettings, console: Console | None = None) -> None:
        if console is None and not sys.stdout.isatty():
            raise DisplayError("--sink status: expected a terminal, got a file or pipe; use --sink headless")
        self._run_dir = settings.call_dir
        self._line = "waiting for a picture"
        self._before: tuple[float, Stages] = (0.0, {})
        self._next_at = 0.0
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        now = time.monotonic()
        if now >= self._next_at:
            self._line = describe(message, meter.read())
            self._refresh(now)

    def blank(self, why: str) -> None:
        """See Sink."""
        self._line = why
        self._refresh(time.monotonic())

    def close(self) -> None:
        """See Sink."""
        self._live.stop()

    def _refresh(self, now: float) -> None:
        self._next_at = now + EVERY_S
        stages, (before_at, before) = sum_up(read_samples(self._run_dir)), self._before
        table = table_of(rows_of(stages, before, now - before_at))
        self._live.update(
            Group(Text(self._line, no_wrap=True, overflow="ellipsis"), table, Text(HINT, style="dim")), refresh=True
        )
        self._before = now, stages
