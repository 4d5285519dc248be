"""Three hours at one picture a second: does every picture come out, at its time, and in how much memory?"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from infer.settings import NO_MODEL
from tests.background import Background
from tests.bench.recordings import compare
from tests.bench.table import print_table
from tests.recordings import contents_of, slow
from tests.redacting import WHOLE, Redacting, start_redact

SAMPLE_S, LIMIT_S = 2.0, 4 * 3600


class Memory(Background):
    """Watches how much memory a command takes with all its processes, until its `with` is left."""

    def __init__(self, redacting: Redacting) -> None:
        super().__init__()
        self._redacting, self.most_mb = redacting, 0.0

    def run(self) -> None:
        """See Background."""
        while not self.stopping.wait(SAMPLE_S):
            self.most_mb = max(self.most_mb, self._redacting.pss_mb())


def main() -> None:
    """One row."""
    with tempfile.TemporaryDirectory(prefix="onlyme-") as name:
        folder = Path(name)
        source, out = slow(folder / "slow.mp4"), folder / "out.mp4"
        begun = time.monotonic()
        with start_redact(source, out, folder, {"mask_rcnn": NO_MODEL}) as redacting, Memory(redacting) as memory:
            code, said = redacting.end(LIMIT_S)
        took_s = time.monotonic() - begun
        if code not in WHOLE:
            sys.exit(f"bench: redacting three hours ended with {code}:\n{said}")
        row = compare(contents_of(source), contents_of(out))
    print_table(
        "three hours at one picture a second, 320 x 180",
        [{**row, "exit code": code, "minutes": took_s / 60, "most PSS MB": memory.most_mb}],
    )
