"""Tells how far redactions are and what became of them: a bar for people, or JSON lines for programs."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tqdm import tqdm

from common.redaction.outcome import Progress
from common.redaction.shelf import Outcome
from common.redaction.words import counted

JSON_EVERY_S = 1.0


class Reporter(Protocol):
    """What a run of one or more jobs reports to, from any thread."""

    def progress(self, progress: Progress) -> None:
        """Tell how far a job is."""

    def outcome(self, outcome: Outcome) -> None:
        """Tell what became of a job."""

    def close(self, code: int, done_before: int) -> None:
        """Tell the exit code, and how many sources had been done before."""


class Bar:
    """One bar over the frames of all jobs, and a line for each outcome.

    Args:
        frames: How many frames each source announces, 0 where it does not say.
    """

    def __init__(self, frames: Mapping[Path, int]) -> None:
        self._expected, self._written = dict(frames), dict.fromkeys(frames, 0)
        self._lock, self._out, self._ended = threading.Lock(), sys.stdout, 0
        self._bar = tqdm(
            total=self._total(), unit=" frames", file=sys.stderr, dynamic_ncols=True, desc=self._title(), leave=False,
            disable=None,  # where no terminal shows it
        )  # fmt: skip

    def progress(self, progress: Progress) -> None:
        """See Reporter."""
        self._update(progress.source, progress.frames, progress.expected)

    def outcome(self, outcome: Outcome) -> None:
        """See Reporter."""
        frames = 0 if outcome.redaction is None else outcome.redaction.frames
        self._ended += 1
        self._update(outcome.source, frames, frames)
        with self._lock:
            self._bar.set_description(self._title())
            if outcome.error:
                for line in outcome.log:
                    tqdm.write(f"  {line}", file=sys.stderr)
                tqdm.write(f"onlyme redact: {outcome.error}", file=sys.stderr)
            else:
                tqdm.write(_sentence(outcome), file=self._out)

    def close(self, code: int, done_before: int) -> None:
        """See Reporter."""
        self._bar.close()
        if done_before:
            print(f"{done_before} done before, and unchanged")

    def _title(self) -> str:
        names = list(self._expected)
        return names[0].name if len(names) == 1 else f"{self._ended} of {len(names)} files"

    def _total(self) -> int | None:
        return sum(self._expected.values()) or None

    def _update(self, source: Path, frames: int, expected: int) -> None:
        with self._lock:
            self._expected[source] = max(expected, frames) or self._expected.get(source, 0)
            self._bar.total = self._total()
            self._bar.update(frames - self._written.get(source, 0))
            self._written[source] = frames


class JsonLines:
    """One JSON object a line on standard output: progress, outcome, summary."""

    def __init__(self) -> None:
        self._lock, self._out = threading.Lock(), sys.stdout
        self._told_at: dict[Path, float] = {}

    def progress(self, progress: Progress) -> None:
        """See Reporter. Of each source at most one line a second."""
        now = time.monotonic()
        if now - self._told_at.get(progress.source, -JSON_EVERY_S) < JSON_EVERY_S:
            return
        self._told_at[progress.source] = now
        rate = progress.frames / progress.seconds if progress.seconds else 0.0
        left_s = (progress.expected - progress.frames) / rate if rate and progress.expected else None
        self._print(
            event="progress", source=str(progress.source), frames=progress.frames, expected=progress.expected,
            seconds=round(progress.seconds, 3), rate=round(rate, 3), left_s=None if left_s is None else round(left_s, 1),
        )  # fmt: skip

    def outcome(self, outcome: Outcome) -> None:
        """See Reporter."""
        self._print(event="outcome", **outcome.as_dict(), log=list(outcome.log))

    def close(self, code: int, done_before: int) -> None:
        """See Reporter."""
        self._print(event="summary", code=code, done_before=done_before)

    def error(self, text: str, code: int) -> None:
        """Tell why nothing was done."""
        self._print(event="error", error=text, code=code)

    def _print(self, **fields: object) -> None:
        with self._lock:
            print(json.dumps(fields), file=self._out, flush=True)


def _sentence(outcome: Outcome) -> str:
    done = outcome.redaction
    assert done is not None
    text = (
        f"{done.out}: {counted(done.frames, 'frame')} in {done.seconds:.0f} s, {done.shown:,} show somebody, "
        f"{done.hidden:,} hide everybody"
    )
    if not done.needs_look:
        return text
    return f"{text}; a person should look at {counted(done.doubts, 'moment')}: {done.report}"
