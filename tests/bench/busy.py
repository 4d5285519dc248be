"""The call beside other programs that want every core, as in a meeting, and of one calm person, as in most of one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from infer.settings import NO_MODEL
from tests.bench.calls import MODEL, Figures, record_call
from tests.bench.clips import AGAIN, calm, footage, scaled
from tests.bench.table import print_table

SIZE_WH = (1280, 720)
LOOPS = (0, 1, 2)
SECONDS = 30


def main() -> None:
    """A Mask R-CNN and the embedded detector, beside none, one and two busy loops: somebody who moves, and somebody calm."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
        clips = {footage(): scaled(AGAIN, SIZE_WH, Path(folder)), "calm": calm(SIZE_WH, Path(folder))}
        for (what, clip), (detector, model) in product(clips.items(), (("Mask R-CNN", MODEL), ("embedded", NO_MODEL))):
            for loops in LOOPS:
                with busy(loops):
                    figures = record_call({"source": clip, "mask_rcnn": model}, seconds=SECONDS)
                rows.append(_row(what, detector, loops, figures))
    print_table("beside busy loops, 720p30, CPU in percent of one core", rows)


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many programs at full load, each in a session of its own, which the kernel weighs like a whole call's stage."""
    running = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True) for _ in range(loops)
    ]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def _row(what: str, detector: str, loops: int, figures: Figures) -> dict[str, object]:
    return {
        "what": what, "detector": detector, "loops": loops, "CPU %": figures.cpu, "shown": figures.shown, "p50 ms": figures.latency_ms[0],
        "p99 ms": figures.latency_ms[1], "hidden %": 100 * figures.hidden, "bursts a minute": figures.bursts,
        "masks a second": figures.masks_a_second, "mask age p50": figures.mask_age_ms[0], "p99": figures.mask_age_ms[1],
    }  # fmt: skip
