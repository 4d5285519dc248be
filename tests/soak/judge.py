"""Judges every composite of a soak in a process of its own: half of a core at 720p30 while the call runs.

It is no more courteous than others, because the ring waits for nobody; workers give way to it as to everything.

python -m tests.soak.judge RUN_DIR     says when it is ready; once its standard input is closed it judges what
                                                    waits, and says what it found in a line of JSON
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from tests.faults.oracle import LeakOracle
from tests.faults.scenes import PatternedScene
from tests.faults.watch import MAY_BE_UNJUDGED, Watch
from tests.shared import ROOT

SIZE_WH, FPS = (1280, 720), 30


class Judge:
    """The process, as the soak sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.row: dict[str, object] = {}  # of a table

    def end(self) -> list[str]:
        """Wait until everything that waits is judged; returns what is wrong."""
        said, _ = self._process.communicate()
        if self._process.returncode:
            return [f"the judge ended with code {self._process.returncode}"]
        self.row = json.loads(said)
        over = [
            (
                self.row["leaks"],
                f"{self.row['leaks']} composites leak, the worst keeps {self.row['worst of the bound']} of the bound",
            ),
            (not self.row["judged"], "no composite was judged"),
            (float(str(self.row["unjudged %"])) > 100 * MAY_BE_UNJUDGED, f"{self.row['unjudged %']} % were not judged"),
        ]
        return [text for is_over, text in over if is_over]


@contextmanager
def judging(run_dir: Path) -> Iterator[Judge]:
    """A judge of the call in `run_dir`, which plays the patterned scene; ready when it is given."""
    command = [sys.executable, "-m", "tests.soak.judge", str(run_dir)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # what is composed before it is ready would not be judged
        yield Judge(process)


def main() -> None:
    """Watch, wait, say."""
    (run_dir,) = sys.argv[1:]
    cv2.setNumThreads(1)
    oracle = LeakOracle(PatternedScene(*SIZE_WH, FPS))
    with Watch(Path(run_dir), oracle) as watch:
        print("ready", flush=True)
        sys.stdin.read()
    worst = max((s for s in watch.seen if s.message.privacy), key=lambda s: s.leak, default=None)
    row = {
        "judged": len(watch.seen), "unjudged": watch.unjudged, "unjudged %": round(100 * watch.unjudged_share, 3),
        "live": sum(s.message.state == "live" for s in watch.seen), "leaks": len(watch.leaks()),
        "worst of the bound": round(worst.leak, 2) if worst else None,
    }  # fmt: skip
    print(json.dumps(row))


if __name__ == "__main__":
    main()
