"""The sink that shows a live table of the call in the terminal."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.metrics.metrics import METRICS, Sample, read_samples
from common.vision.arrays import BgrImage
from display.meter import Meter, describe
from display.settings import DisplaySettings
from display.sinks.sink import UnattendedSink

EVERY_S = 1.0
Key = tuple[str, str, tuple[tuple[str, str], ...]]


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
        self._before: tuple[float, dict[Key, Sample]] = (0.0, {})
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
        samples = {(f.process, f.name, tuple(sorted(f.labels.items()))): f for f in read_samples(self._run_dir)}
        before_at, before = self._before
        self._live.update(table_of(self._line, samples, before, now - before_at), refresh=True)
        self._before = now, samples


def table_of(title: str, samples: dict[Key, Sample], before: dict[Key, Sample], span_s: float) -> Table:
    """Return a row for every sample of every process: what it is, and what came in the last `span_s` seconds.

    Texts come from elsewhere, and brackets in them are no markup.
    """
    table = Table(title=Text(title), title_justify="left")
    for name in ("process", "metric", "value", "lately"):
        table.add_column(name, justify="right" if name in ("value", "lately") else "left")
    for key, sample in sorted(samples.items()):
        labels = ", ".join(sample.labels.get(label, "") for label in METRICS[sample.name].labels)
        name = sample.name + (f" ({labels})" if labels else "")
        table.add_row(Text(sample.process), Text(name), *_value_and_change(sample, before.get(key), span_s))
    return table


def _value_and_change(sample: Sample, before: Sample | None, span_s: float) -> tuple[str, str]:
    """Return the value of one sample, and what came lately."""
    more, times = (
        (sample.value, sample.times) if before is None else (sample.value - before.value, sample.times - before.times)
    )
    if sample.times:  # a summary
        mean_ms = 1000 * sample.value / sample.times
        return f"{mean_ms:.1f} ms", f"{1000 * more / times:.1f} ms" if times > 0 else "-"
    value = f"{sample.value:.10g}" if float(sample.value).is_integer() else f"{sample.value:.2f}"
    return value, f"{more / span_s:.1f} a second" if before is not None and span_s > 0 and more else ""
