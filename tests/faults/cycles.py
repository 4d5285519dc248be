"""Start and stop, start and `kill -9` everything, again and again: is the next start clean?

python -m tests.faults.cycles --stops 50 --kills 20
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

from common.ipc.streams import STREAMS
from tests.call import read_until, stages, start_call
from tests.processes.neighbours import wait_for
from tests.segments import new_since, segment_names, segments_of

SETTINGS: dict[str, object] = {"source": "demo", "width": 640, "height": 360, "sink": "headless", "status_every": 0.2}
# sockets and locks are used again, never stale; files of metrics are replaced, or removed by the process that reads them
KEPT = re.compile("(" + "|".join(stream.name for stream in STREAMS) + r")(\.lock)?$")


def cycle(run_dir: Path, before: set[str], kill: bool) -> float:
    """One call up to its first live picture and to its end; returns the seconds until that picture."""
    begun = time.monotonic()
    with start_call(SETTINGS, run_dir) as call:
        said = read_until(call, "display: live; ")
        took_s = time.monotonic() - begun
        assert len(own := segments_of(run_dir)) == 2
        assert new_since(before) == own, "its own two rings and nothing that an earlier call left"
        everything = [pid for stage in stages(run_dir).values() for pid in stage.pids]
        if kill:
            for pid in [call.pid, *everything]:
                with contextlib.suppress(ProcessLookupError):  # a child dies with its parent
                    os.kill(pid, signal.SIGKILL)
        else:
            call.send_signal(signal.SIGINT)
        rest, _ = call.communicate(timeout=60)
        wait_for("the end of every process", lambda: not stages(run_dir), 3)
        assert "Traceback" not in "".join(said) + rest
    return took_s


def run(stops: int, kills: int) -> str:
    """All cycles on one run folder.

    Raises:
        AssertionError: A start was not clean, or something was left.
    """
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        run_dir, before = Path(folder) / "run", segment_names()
        starts = []
        for number in range(stops + kills):
            kill = number >= stops
            starts.append(cycle(run_dir, before, kill))
            if not kill:
                assert new_since(before) == set(), "a segment was left after a stop"
        left = new_since(before)
        starts.append(cycle(run_dir, before, kill=False))
        assert new_since(before) == set(), "the next start did not remove what killed calls left"
        odd = [path.name for path in run_dir.iterdir() if not KEPT.match(path.name)]
        assert odd == []
        return (
            f"{stops} stops, {kills} kills: every start clean; first live picture after {min(starts):.2f} to "
            f"{max(starts):.2f} s, the last, clean start {starts[-1]:.2f} s; the last kill left {len(left)} segments, "
            f"the next start none; run folder: {sorted(p.name for p in run_dir.iterdir())}"
        )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.cycles")
    parser.add_argument("--stops", type=int, default=50)
    parser.add_argument("--kills", type=int, default=20)
    args = parser.parse_args()
    try:
        print(run(args.stops, args.kills))
    except AssertionError as error:
        sys.exit(f"cycles: {error}")


if __name__ == "__main__":
    main()
