"""A stage's child: settings, then the loop, which asks `stop` at each turn whether to go on."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType

from common.errors import AlreadyRunningError, DeviceError, UserError
from common.metrics.metrics import metrics, path_of
from common.runtime.environment import process_name, under_honcho
from common.runtime.heartbeat import EXIT_CRASHED, EXIT_DONE, EXIT_MISTAKE, EXIT_RESTS, EXIT_TOLD, Pulse
from common.runtime.parent_watch import Ancestors, are_there
from common.runtime.run_dir import open_run_dir
from common.settings.base import Settings
from common.settings.loader import read_settings
from common.stages import settings_of

LOOK_EVERY_S = 0.25
PR_SET_PDEATHSIG = 1  # prctl(2)

log = logging.getLogger("onlyme")

Run = Callable[[Settings, "Stop"], None]


class Stop:
    """True once the stage should end. Asking is also the loop's heartbeat: `while not stop:` shows it is turning.

    It looks for parent and honcho itself: a parent that was stopped (SIGSTOP) cannot see that honcho is gone.

    Args:
        pulse: Shows the parent that the loop turns.
        above: Who must stay alive.
        restarts: How often there was such a child before; what it had is worth waiting for.
    """

    def __init__(self, pulse: Pulse, above: Ancestors, restarts: int) -> None:
        self.pulse, self.restarts = pulse, restarts
        self.rests = False
        self.each_second: list[Callable[[], None]] = []
        self._second_at = 0.0
        self._asked = False
        self._above = above
        self._look_at = 0.0

    def __bool__(self) -> bool:
        now = time.monotonic()
        self.pulse.beat(now)
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            if not are_there(self._above):
                self._asked = True  # never set from what it was: a signal may ask while we look
            if now >= self._second_at:
                self._second_at = now + 1.0
                for act in self.each_second:
                    act()
        return self._asked

    def ask(self) -> None:
        """End the loop at its next turn."""
        self._asked = True

    def rest(self) -> None:
        """The loop ends because there is nothing to do for it in this call, which goes on: its parent waits alone."""
        self.rests = True


@contextlib.contextmanager
def sole_writer(run_dir: Path, stream: str) -> Iterator[None]:
    """Hold the lock of a stream's only writer; the kernel lets go of it when the process dies.

    Raises:
        AlreadyRunningError: Another process holds it.
    """
    with (run_dir / f"{stream}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunningError(
                f"{stream}: expected to be the only writer, but another process already serves {run_dir}; "
                "end that call first, or give this one its own --run-dir"
            ) from None
        yield


def work(stage: str, package: str, stop: Stop) -> int:
    """Read the settings of `stage`, import `package`.loop and run it.

    Returns:
        The exit code.

    Raises:
        SystemExit: `--help` was asked for.
    """
    told = False

    def on_signal(signum: int, frame: FrameType | None) -> None:
        nonlocal told
        told = True
        stop.ask()

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, on_signal)
    metrics.set("restarts", stop.restarts)
    try:
        settings = read_settings(settings_of(stage), f"python -m {package}", sys.argv[1:])
        root = logging.getLogger()
        root.setLevel(settings.log_level.upper())
        stop.pulse.log_level = root.level
        open_run_dir(settings.call_dir)
        name = process_name(package) if under_honcho() else f"{package}-{os.getpid()}"
        stop.each_second.append(partial(metrics.flush, path_of(settings.call_dir, name)))
        run: Run = importlib.import_module(f"{package}.loop").run
        run(settings, stop)
    except UserError as error:
        log.error("%s", error)
        return EXIT_MISTAKE
    except DeviceError as error:
        log.error("%s", error)
        return EXIT_CRASHED
    if told:
        return EXIT_TOLD
    return EXIT_RESTS if stop.rests else EXIT_DONE


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends (Linux); Stop checks the parent too, everywhere."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that
        os._exit(EXIT_CRASHED)
