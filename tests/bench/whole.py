"""The whole call beside the tutorial's loop on the same clip in the same run: rate, latency, masks, CPU, memory, start-up."""

from __future__ import annotations

import tempfile
from pathlib import Path

from infer.settings import NO_MODEL
from tests.bench.calls import MODEL, Figures, record_call, record_loop
from tests.bench.clips import AGAIN, footage, scaled
from tests.bench.table import print_table

SIZE_WH, LARGE_WH = (1280, 720), (1920, 1080)
WORKERS = (1, 2, 3)


def main() -> None:
    """The loop, then one, two and three workers, 1080p, no Mask R-CNN, and half of one core."""
    with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
        clip, large = scaled(AGAIN, SIZE_WH, Path(folder)), scaled(AGAIN, LARGE_WH, Path(folder))
        loop = record_loop(clip)
        of: dict[str, dict[str, object]] = {"source": {"source": clip, "mask_rcnn": MODEL}}
        of |= {"1080p": {"source": large, "mask_rcnn": MODEL}, "embedded": {"source": clip, "mask_rcnn": NO_MODEL}}
        calls = {f"{n} worker(s)": record_call(of["source"], n) for n in WORKERS}
        calls["--cpu 100"] = record_call({**of["source"], "cpu": 100})
        calls["1 worker, 1080p"] = record_call(of["1080p"])
        calls["embedded detector"] = record_call(of["embedded"])
    rows = [_row("tutorial's loop", loop, loop), *(_row(how, figures, loop) for how, figures in calls.items())]
    print_table(
        f"the whole call, 720p30 of {footage()}, CPU in percent of one core, CPU s for thirty pictures shown", rows
    )
    for how in ("1 worker(s)", "embedded detector"):
        used = calls[how].used
        lines = [{"process": name, "CPU %": used[name].cpu, "PSS MB": used[name].pss_mb} for name in sorted(used)]
        print_table(f"by process, {how}", lines)


def _row(how: str, figures: Figures, loop: Figures) -> dict[str, object]:
    return {
        "how": how, "fps": figures.fps, "/ loop": figures.fps / loop.fps, "shown": figures.shown,
        "p50 ms": figures.latency_ms[0], "/ loop's": figures.latency_ms[0] / loop.latency_ms[0], "p99 ms": figures.latency_ms[1],
        "mask age p50": figures.mask_age_ms[0], "p99": figures.mask_age_ms[1], "masks a second": figures.masks_a_second,
        "CPU %": figures.cpu, "CPU s": figures.cpu_s_a_second, "CPU s / loop": figures.cpu_s_a_second / loop.cpu_s_a_second,
        "PSS MB": figures.pss_mb, "PSS / loop": figures.pss_mb / loop.pss_mb, "first s": figures.first_s, "live s": figures.live_s,
    }  # fmt: skip
