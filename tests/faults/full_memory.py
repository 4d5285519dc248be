"""A call in a /dev/shm of 64 MB that fills up: what runs goes on, what needs a new ring ends the call closed.

Run by test_leaks.py in a mount namespace of its own; never on the machine's own /dev/shm.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

from common.ipc.shm import SHM_FOLDER
from tests.call import stages
from tests.faults.oracle import LeakOracle
from tests.faults.scenes import PATTERNED, PatternedScene
from tests.faults.watch import nothing_leaked, watched_call
from tests.faults.worker import ExactWorker


def fill() -> None:
    """Leave not one page."""
    left = os.statvfs(SHM_FOLDER).f_bavail * os.statvfs(SHM_FOLDER).f_frsize
    with Path(SHM_FOLDER, "full").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, left)


def main() -> None:
    """Raises AssertionError where anything is not as it must be."""
    assert os.statvfs(SHM_FOLDER).f_blocks * os.statvfs(SHM_FOLDER).f_frsize <= 64 << 20, "not the machine's own"
    scene = PatternedScene(640, 360, 30)
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        run_dir = Path(folder) / "run"
        settings = {"width": 640, "height": 360, "status_every": 0.5}
        with (
            watched_call(
                settings, run_dir, LeakOracle(scene, masks="exact"), workers=0, modules={"capture": PATTERNED}
            ) as call,
            ExactWorker(run_dir, scene),
        ):
            call.wait_live()
            fill()
            filled_at = time.monotonic()
            call.wait("pictures", lambda: len(call.watch.between(filled_at, time.monotonic())) > 50)
            killed_at = time.monotonic()
            os.kill(call.stages()["capture.1"].live_child, signal.SIGKILL)
            Path(SHM_FOLDER, "full").unlink()
            time.sleep(0.01)
            fill()  # the dead ring's pages too, as soon as they are swept
            call.wait(
                "the end or a new picture",
                lambda: call.process.poll() is not None or call.watch.live(filled_at + 3),
                20,
            )
        assert not stages(run_dir)
        later = call.watch.between(filled_at, killed_at)
        assert len(later) > 50, "the rings were reserved before: the call goes on"
        assert {s.message.state for s in later} == {"live"}
        assert nothing_leaked(call.watch)


if __name__ == "__main__":
    main()
