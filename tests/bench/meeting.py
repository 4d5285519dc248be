"""Ten minutes of a call as it is: somebody who is calm for most of it, signs now and then, and has somebody else beside."""

from __future__ import annotations

import tempfile
from pathlib import Path

from infer.settings import NO_MODEL
from tests.bench.calls import MODEL, record_call
from tests.bench.clips import footage, meeting
from tests.bench.table import print_table

SIZE_WH = (1280, 720)
SECONDS = 600


def main() -> None:
    """A Mask R-CNN and the embedded detector, ten minutes each."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
        clip = meeting(SIZE_WH, Path(folder))
        for detector, model in (("Mask R-CNN", MODEL), ("embedded", NO_MODEL)):
            figures = record_call({"source": clip, "mask_rcnn": model}, seconds=SECONDS)
            rows.append({
                "detector": detector, "CPU %": figures.cpu, "shown": figures.shown, "hidden %": 100 * figures.hidden,
                "bursts a minute": figures.bursts, "p50 ms": figures.latency_ms[0], "p99 ms": figures.latency_ms[1],
                "masks a second": figures.masks_a_second, "PSS MB": figures.pss_mb,
            })  # fmt: skip
    print_table(f"ten minutes of a call, 720p30 of {footage()}, CPU in percent of one core", rows)
