"""Kill -9 everything at a random moment while a recording is redacted, start again: is the film the same as one made in one go?

python -m tests.faults.interrupted --kills 10
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infer.settings import NO_MODEL
from tests.bench.recording_clips import demo
from tests.processes.neighbours import wait_for
from tests.recordings import Contents, contents_of
from tests.redacting import WHOLE, Redacting, redact, start_redact

SIZE_WH, SECONDS = (640, 360), 5.0
SETTINGS: dict[str, object] = {"mask_rcnn": NO_MODEL}
Moment = Callable[[Redacting, Path], None]  # waits for it; the path is that of the film that is to be written


def after_s(seconds: float) -> Moment:
    """So long after the command was started."""
    return lambda redacting, out: time.sleep(seconds)


def after_looks(count: int) -> Moment:
    """When so many results have been kept."""

    def wait(redacting: Redacting, out: Path) -> None:
        wait_for(f"{count} results", lambda: redacting.process.poll() is not None or looks_kept(out) >= count, 120)

    return wait


def looks_kept(out: Path) -> int:
    """How many results have been kept beside a film that is being written; its first line says what they belong to."""
    kept = out.with_name(f"{out.stem}.results.jsonl")
    return max(0, kept.read_text().count("\n") - 1) if kept.exists() else 0


def interrupted(source: Path, out: Path, folder: Path, moments: Sequence[Moment]) -> tuple[Contents, list[int]]:
    """Redact a recording, killed at each of some moments and started again; the last start is left alone.

    Returns:
        What the film holds, and how many results each killed one had left for the next.

    Raises:
        AssertionError: Something stood under the film's name before it was whole, or it did not become whole.
    """
    kept = []
    for number, moment in enumerate(moments):
        with start_redact(source, out, folder / f"{number}", SETTINGS) as redacting:
            moment(redacting, out)
            is_over = redacting.process.poll() is not None
            redacting.kill()
        assert is_over or not out.exists() or contents_of(out).times_s == contents_of(source).times_s
        kept.append(looks_kept(out))
    out.unlink(missing_ok=True)  # where it was finished before the kill
    code, said = redact(source, out, folder / "last", SETTINGS)
    assert code in WHOLE, said
    return contents_of(out), kept


def at_once(source: Path, out: Path, folder: Path) -> tuple[Contents, float]:
    """Redact a recording in one go. Returns what the film holds, and how many seconds that took."""
    begun = time.monotonic()
    code, said = redact(source, out, folder / "once", SETTINGS)
    assert code in WHOLE, said
    return contents_of(out), time.monotonic() - begun


def run(kills: int, seed: int) -> list[str]:
    """Kill so many times, each at a moment of its own, and compare each film.

    Returns:
        A line for each.

    Raises:
        AssertionError: A film is not the same.
    """
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="onlyme-") as name:
        folder = Path(name)
        source = demo(folder, SIZE_WH, SECONDS).path
        whole, took_s = at_once(source, folder / "whole.mp4", folder)
        lines = [f"in one go: {len(whole.times_s)} frames, {len(whole.sound)} packets of sound, {took_s:.1f} s"]
        for number in range(kills):
            moment_s = rng.uniform(0.05, 0.98) * took_s
            out = folder / f"killed-{number}.mp4"
            film, kept = interrupted(source, out, folder / f"k{number}", [after_s(moment_s)])
            assert film == whole, f"killed after {moment_s:.2f} s: the film is not the same"
            lines.append(f"killed after {moment_s:.2f} s with {kept[0]} results kept: the film is the same")
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.interrupted")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    try:
        print("\n".join(run(args.kills, args.seed)))
    except AssertionError as error:
        sys.exit(f"interrupted: {error}")


if __name__ == "__main__":
    main()
