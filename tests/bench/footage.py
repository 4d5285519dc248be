"""The whole call on real footage, scored, beside the tutorial's loop on the same clip in the same run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.table import print_table
from tests.call import run_call
from tests.shared import FOOTAGE, MASK_RCNN, SCORE, SEQUENTIAL, SIGNERS

SECONDS = 12
START_UP_FRAMES = 45
CLIPS: dict[str, tuple[Path, Path | None, dict[str, object]]] = {
    "again": (SIGNERS / "again.mkv", SIGNERS / "reference/again/masks", {}),
    "milk": (SIGNERS / "milk.mkv", SIGNERS / "reference/milk/masks", {}),
    "dance-twirl": (FOOTAGE / "davis2016/dance-twirl/frames", FOOTAGE / "davis2016/dance-twirl/masks", {"fps": 25}),
    "empty-room": (FOOTAGE / "empty-room/one-by-one-person-detection.mp4", None, {}),
    "coco-still": (FOOTAGE / "coco-still", None, {"fps": 25}),
    "carphone": (FOOTAGE / "carphone/carphone_pristine.mp4", None, {}),
}
FIGURES = ("shown", "fps", "latency_ms", "mask_age_ms", "iou", "leak", "loss", "flicker", "states")


def score(recording: Path, clip: Path, masks: Path | None, skip: int) -> dict[str, object]:
    """What score.py says of a recording; a hyphen where it says nothing."""
    command = [sys.executable, str(SCORE), str(recording), "--clip", str(clip), "--skip", str(skip), "--json"]
    command += ["--masks", str(masks)] if masks else []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)
    return {name: figures.get(name, "-") for name in FIGURES}


def latency() -> None:
    """The demo at 720p30, inference saturated, nothing written but the times."""
    rows = []
    for workers in (1, 2):
        with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
            out = Path(folder) / "out"
            settings = {
                "mask_rcnn": MASK_RCNN, "source": "demo", "sink": "record", "images": "none", "out": out, "seconds": 20,
            }  # fmt: skip
            code, said = run_call(settings, Path(folder) / "run", workers)
            if code != 0:
                sys.exit(f"bench: the call ended with {code}:\n{said}")
            figures = score(out, FOOTAGE / "coco-still", None, START_UP_FRAMES)
            rows.append(
                {"workers": workers, **{n: figures[n] for n in ("shown", "fps", "latency_ms", "mask_age_ms", "states")}}
            )
    print_table("capture to shown at 720p30, p50 and p99 in ms", rows)


def _record_loop(clip: Path, out: Path) -> None:
    subprocess.run(
        [sys.executable, str(SEQUENTIAL), "--clip", str(clip), "--model", str(MASK_RCNN), "--seconds", str(SECONDS),
         "--key", "00ff00", "--out", str(out)], check=True, capture_output=True,
    )  # fmt: skip


def _record_call(clip: Path, out: Path, workers: int, settings: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        recorded = {
            "mask_rcnn": MASK_RCNN, "source": clip, "sink": "record", "out": out, "seconds": SECONDS,
            "background": "color:00ff00", **settings,
        }  # fmt: skip
        code, said = run_call(recorded, Path(folder) / "run", workers)
    if code != 0:
        sys.exit(f"bench: the call ended with {code}:\n{said}")


def main() -> None:
    """Record every clip with one and two workers and with the loop; print the table."""
    rows = []
    for name, (clip, masks, extra) in CLIPS.items():
        with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
            loop = Path(folder) / "loop"
            _record_loop(clip, loop)
            rows.append({"clip": name, "how": "tutorial's loop", **score(loop, clip, masks, 3)})
            for workers in (1, 2):
                out = Path(folder) / f"call{workers}"
                _record_call(clip, out, workers, extra)
                rows.append({"clip": name, "how": f"{workers} worker(s)", **score(out, clip, masks, START_UP_FRAMES)})
    print_table(f"real footage, {SECONDS} s each, alpha measured from outside", rows)


REFINED: dict[str, dict[str, object]] = {
    "--refine matte": {},
    "--refine matte --max-infer-hz 1": {"max_infer_hz": 1},
    "--refine matte --cpu 60": {"cpu": 60},
    "--refine guided": {"refine": "guided"},
    "--refine none": {"refine": "none"},
}


def refine() -> None:
    """How exact the edge is, by `--refine` and by the pace of results, beside the tutorial's loop."""
    rows = []
    for name in ("again", "milk", "dance-twirl"):
        clip, masks, extra = CLIPS[name]
        with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
            loop = Path(folder) / "loop"
            _record_loop(clip, loop)
            rows.append({"clip": name, "how": "tutorial's loop", **score(loop, clip, masks, 3)})
            for number, (how, settings) in enumerate(REFINED.items()):
                out = Path(folder) / f"call{number}"
                _record_call(clip, out, 1, {**extra, **settings})
                rows.append({"clip": name, "how": how, **score(out, clip, masks, START_UP_FRAMES)})
    print_table(f"the edge on real footage, {SECONDS} s each, one worker", rows)
