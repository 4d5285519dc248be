"""How fast a recording is redacted: frames in a second of wall time, from the start of the command to the whole file.

Beside it deface, which hides faces, and the tutorial's loop, which looks at every frame that it shows; in turn, on one file. The
Mask R-CNN is the same network in two forms: that of the tutorial, which the loop uses too, and the one that onlyme fetches.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from infer.fetch import SMALL_NAME
from infer.settings import NO_MODEL
from infer.to_onnx import write_onnx
from tests.bench.calls import MODEL, record_loop
from tests.bench.clips import footage
from tests.bench.environment import bin_with
from tests.bench.films import FILM_S, write_h264
from tests.bench.table import print_table
from tests.recordings import contents_of
from tests.redacting import WHOLE, redact
from tests.shared import MASK_RCNN_2GO

DEFACE = ("deface==1.5.0", "onnx", "onnxruntime")
BACKENDS = {"deface": "opencv", "deface, ONNX Runtime": "onnxrt"}  # as it is installed, and the faster one
LOOP = "tutorial's loop"
TURNS = 3
WORKERS = (1, 2)
LOOP_S = 20


def main() -> None:
    """Medians of the turns."""
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        film = write_h264(Path(folder) / "film.mp4")
        frames = len(contents_of(film).times_s)
        ways: dict[str, Callable[[], float]] = {LOOP: lambda: record_loop(film, LOOP_S).fps}
        if (programs := bin_with("deface", *DEFACE)) is None:
            print(f"\nredacting: {DEFACE[0]} is left out, it cannot be installed for Python {sys.version.split()[0]}")
        else:
            ways |= {how: _deface(programs, backend, film, frames) for how, backend in BACKENDS.items()}
        for name, model in _detectors(Path(folder)).items():
            for workers in WORKERS:
                ways[f"{name}, {workers} worker(s)"] = _redacting(film, frames, model, workers)
        taken: dict[str, list[float]] = {how: [] for how in ways}
        for _ in range(TURNS):
            for how, run in ways.items():
                taken[how].append(run())
    found = {how: statistics.median(rates) for how, rates in taken.items()}
    rows = [
        {
            "how": how,
            "frames a second": rate,
            **{f"/ {base}": rate / found[base] for base in (LOOP, *BACKENDS) if base in found},
        }
        for how, rate in found.items()
    ]
    print_table(f"a file of {FILM_S} s of 720p30, {footage()}", rows)


def _detectors(folder: Path) -> dict[str, Path]:
    """Return the values of --mask-rcnn that are measured, by name."""
    found = {"Mask R-CNN, tutorial's form": MODEL, "embedded detector": NO_MODEL}
    if MASK_RCNN_2GO.is_dir():
        fetched = folder / "fetched"
        fetched.mkdir()
        write_onnx(MASK_RCNN_2GO, fetched / SMALL_NAME)
        found["Mask R-CNN, as fetched"] = fetched
    return found


def _deface(programs: Path, backend: str, film: Path, frames: int) -> Callable[[], float]:
    def run() -> float:
        with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
            command = [str(programs / "deface"), "--backend", backend, str(film), "-o", f"{folder}/out.mp4"]
            begun = time.monotonic()
            subprocess.run(command, check=True, capture_output=True)
            return frames / (time.monotonic() - begun)

    return run


def _redacting(film: Path, frames: int, model: Path, workers: int) -> Callable[[], float]:
    def run() -> float:
        with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
            begun = time.monotonic()
            out, settings = Path(folder) / "out.mp4", {"mask_rcnn": model, "workers": workers}
            code, said = redact(film, out, Path(folder), settings)
            if code not in WHOLE:
                sys.exit(f"bench: redacting a film ended with {code}:\n{said}")
            return frames / (time.monotonic() - begun)

    return run
