"""A recording redacted whole, beside the live call on the same file: are pictures, times and sound all there, and who is seen?

The background is one colour and the film is written without loss, so that what is measured from outside is the opacity that
was composed, and not what an encoder made of it.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from infer.settings import NO_MODEL
from tests.bench.calls import MODEL
from tests.bench.keyed import Pair, Scores, background_of, score
from tests.bench.recording_clips import CLIPS, Clip
from tests.bench.table import print_table
from tests.call import run_call
from tests.recordings import Contents, contents_of, pictures_of
from tests.redacting import WHOLE, redact

LOSSLESS: dict[str, object] = {"quality": 0}
DETECTORS = {"Mask R-CNN": MODEL, "embedded": NO_MODEL}
START_UP_FRAMES = 45  # of a live call, in which it may not know anybody yet
LEAST_LIVE_S = 12
SAME_TIME_S = 1e-6


def main() -> None:
    """A table for each clip: every detector, live and as a recording."""
    for name, make in CLIPS.items():
        rows = []
        for detector, model in DETECTORS.items():
            with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
                clip = make(Path(folder))
                before = contents_of(clip.path)
                live = score_live(clip, before, model, Path(folder))
                out = Path(folder) / f"out{clip.path.suffix}"
                code = write(clip, out, Path(folder), {"mask_rcnn": model})
                whole = compare(before, contents_of(out))
                every = score(pairs_of(clip.path, out), clip.truth_of, clip.key)
            rows += [
                {"detector": detector, "how": "every frame", **every.row(), **whole, "exit code": code},
                {"detector": detector, "how": "live", **live.row()},
            ]
        print_table(f"{name}: redacted whole, and live; opacity measured from outside", rows)


def write(clip: Clip, out: Path, folder: Path, settings: Mapping[str, object]) -> int:
    """Redact a recording in a form that can be scored. Returns the exit code; ends the bench where there is no film."""
    code, said = redact(clip.path, out, folder, {"background": background_of(clip.key), **LOSSLESS, **settings})
    if code not in WHOLE:
        sys.exit(f"bench: redacting {clip.path.name} ended with {code}:\n{said}")
    return code


def compare(before: Contents, after: Contents) -> dict[str, object]:
    """Return what of a recording is the same afterwards."""
    same_count = len(before.times_s) == len(after.times_s)
    apart_s = max((abs(a - b) for a, b in zip(before.times_s, after.times_s, strict=same_count)), default=0.0)
    return {
        "frames in": len(before.times_s),
        "frames out": len(after.times_s),
        "times equal": "yes" if same_count and apart_s < SAME_TIME_S else f"no, {1000 * apart_s:.2f} ms apart",
        "size": "{} x {}".format(*after.size_wh),
        "packets of sound": len(before.sound),
        "sound equal": "yes" if before.sound == after.sound else "no",
    }


def score_live(clip: Clip, contents: Contents, model: Path, folder: Path) -> Scores:
    """Play a recording in a live call, and score what was shown once the call knew somebody."""
    out = folder / "live"
    settings = {
        "mask_rcnn": model, "source": clip.path, "sink": "record", "out": out, "background": background_of(clip.key),
        "seconds": max(LEAST_LIVE_S, contents.times_s[-1] + 3),
    }  # fmt: skip
    code, said = run_call(settings, folder / "run", limit_s=600)
    if code != 0:
        sys.exit(f"bench: the live call ended with {code}:\n{said}")
    scores = score(shown_live(clip.path, out, len(contents.times_s)), clip.truth_of, clip.key)
    shutil.rmtree(out)
    return scores


def shown_live(source: Path, out: Path, count: int) -> Iterator[Pair]:
    """Yield what a live call has shown of a recording with so many frames, each once although it played again and again."""
    rows = [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()][START_UP_FRAMES:]
    shown = {row["source_index"] % count: out / row["file"] for row in rows if row["file"] is not None}
    for number, picture in enumerate(pictures_of(source)):
        if number in shown:
            yield number, picture, np.asarray(cv2.imread(str(shown[number])), np.uint8)


def pairs_of(source: Path, out: Path) -> Iterator[Pair]:
    """Yield each frame of a recording beside what has become of it."""
    for number, (before, after) in enumerate(zip(pictures_of(source), pictures_of(out), strict=True)):
        yield number, before, after
