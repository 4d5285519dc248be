"""A stage's life: settings, log, a light parent that watches, a child that works.

honcho ends the whole call as soon as one of its processes ends. So the process it starts only watches: it forks the
worker (the child does the heavy imports), restarts it when it dies or its loop stops turning, gives up loudly after
too many deaths, and ends when honcho is gone, so that the camera is never left on. The child dies with its parent.

Exit codes: 0 ended as asked (q, a file played once, SIGTERM) | 1 gave up after crashes | 2 a user's mistake.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib
import logging
import mmap
import os
import signal
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from common.config import STAGES, Settings, read_settings, under_honcho
from common.errors import RingTakenError, UserError
from common.identity import parent_of
from common.ring import sweep
from common.streams import open_run_dir

EXIT_CRASHED, EXIT_MISTAKE = 1, 2
POLL_S = 0.25
STOP_PATIENCE_S = 1.2
STUCK_AFTER_S = 5.0
START_PATIENCE_S = 60.0
RESTARTS, RESTARTS_WITHIN_S = 5, 60.0
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 2.0
PR_SET_PDEATHSIG = 1  # prctl(2)

log = logging.getLogger("onlyme")


class Stop:
    """True once the stage should end. Asking is also the loop's heartbeat: `while not stop:` shows it is turning."""

    def __init__(self, beat: mmap.mmap | None = None) -> None:
        self._asked = False
        self._beat = beat
        self._parent = os.getppid()

    def __bool__(self) -> bool:
        if self._beat is not None:
            _BEAT.pack_into(self._beat, 0, time.monotonic())
            self._asked = self._asked or os.getppid() != self._parent
        return self._asked

    def ask(self) -> None:
        """End the loop at its next turn."""
        self._asked = True


_BEAT = struct.Struct("<d")
Run = Callable[[Settings, Stop], None]


@contextlib.contextmanager
def sole_writer(run_dir: Path, stream: str) -> Iterator[None]:
    """Hold the lock of a stream's only writer; the kernel lets go of it when the process dies.

    Raises:
        RingTakenError: Another process holds it.
    """
    with (run_dir / f"{stream}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RingTakenError(
                f"{stream}: expected to be the only writer, but another process already serves {run_dir}; "
                "end that call first, or give this one its own --run-dir"
            ) from None
        yield


def give_way(niceness: int) -> None:
    """Let every other stage run first.

    honcho gives each process a session of its own, and Linux (sched_autogroup) then weighs sessions against each
    other, not processes: niceness alone changes nothing between stages, the session's own must be set too.
    """
    os.nice(niceness)
    with contextlib.suppress(OSError):  # no autogroups here
        Path("/proc/self/autogroup").write_text(str(niceness))


def launch(stage: str) -> NoReturn:
    """Run `STAGE.loop.run(settings, stop)` under supervision; never returns."""
    # display's parent shows nothing, capture's holds no camera: whatever the child had goes with the child
    logging.basicConfig(level=logging.INFO, format=f"{stage}: %(message)s", stream=sys.stderr)
    try:
        settings = read_settings(STAGES[stage], f"python -m {stage}", sys.argv[1:])
        logging.getLogger().setLevel(settings.log_level.upper())
        open_run_dir(settings.call_dir)
    except UserError as error:
        log.error("%s", error)
        sys.exit(EXIT_MISTAKE)
    sys.exit(_supervise(lambda beat: _work(stage, settings, beat)))


@dataclass
class _Child:
    pid: int
    started: float
    beat: mmap.mmap

    def silence_s(self, now: float) -> float | None:
        """Seconds since the loop last turned, None before its first turn."""
        (last,) = _BEAT.unpack_from(self.beat, 0)
        return now - last if last else None

    def is_stuck(self, now: float) -> bool:
        silence = self.silence_s(now)
        return now - self.started > START_PATIENCE_S if silence is None else silence > STUCK_AFTER_S


def _supervise(work: Callable[[mmap.mmap], int]) -> int:
    """Keep one child running until it ends by itself, we are told to stop, or it died too often. Returns the code."""
    watched = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
    signal.signal(signal.SIGCHLD, lambda *_: None)  # the default action would drop it from sigtimedwait
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    ancestors = _ancestors()
    deaths: deque[float] = deque()
    while True:
        child = _fork(work, watched)
        reason, code = _watch(child, watched, ancestors)
        sweep()
        if reason == "stop" or code in (0, EXIT_MISTAKE):
            return code
        now = time.monotonic()
        deaths.append(now)
        while deaths and now - deaths[0] > RESTARTS_WITHIN_S:
            deaths.popleft()
        if len(deaths) > RESTARTS:
            log.error("%s, %d times within %.0f s: giving up, the call ends", reason, len(deaths), RESTARTS_WITHIN_S)
            return EXIT_CRASHED
        backoff = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (len(deaths) - 1))
        log.warning(
            "%s: restarting in %.1f s (%d of %d within %.0f s)",
            reason,
            backoff,
            len(deaths),
            RESTARTS,
            RESTARTS_WITHIN_S,
        )
        if _told_to_stop_within(backoff, watched, ancestors):
            return 0


def _watch(child: _Child, watched: set[signal.Signals], ancestors: list[tuple[int, int]]) -> tuple[str, int]:
    """Wait for the child's end. Returns what happened ("stop" if we ended it on request) and an exit code."""
    while True:
        received = signal.sigtimedwait(watched, POLL_S)
        pid, status = os.waitpid(child.pid, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            return (f"ended with code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"), code
        if received is not None and received.si_signo != signal.SIGCHLD:
            _end(child, STOP_PATIENCE_S)
            return "stop", 0
        if not _alive(ancestors):
            log.warning("honcho is gone: ending")
            _end(child, STOP_PATIENCE_S)
            return "stop", 0
        if child.is_stuck(time.monotonic()):
            _end(child, 0)
            return f"stuck (its loop stood still for {STUCK_AFTER_S:.0f} s)", -signal.SIGKILL


def _told_to_stop_within(seconds: float, watched: set[signal.Signals], ancestors: list[tuple[int, int]]) -> bool:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        received = signal.sigtimedwait(watched - {signal.SIGCHLD}, min(left, POLL_S))
        if received is not None or not _alive(ancestors):
            return True
    return False


def _end(child: _Child, patience_s: float) -> None:
    """SIGTERM, and SIGKILL once patience is over (a forward pass cannot be interrupted; a stopped process not either)."""
    deadline = time.monotonic() + patience_s
    if patience_s:
        os.kill(child.pid, signal.SIGTERM)
    while time.monotonic() < deadline:
        if os.waitpid(child.pid, os.WNOHANG)[0]:
            return
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    os.waitpid(child.pid, 0)


def _fork(work: Callable[[mmap.mmap], int], watched: set[signal.Signals]) -> _Child:
    """Start the child. The parent has one thread and no open sockets, so a plain fork is safe."""
    beat = mmap.mmap(-1, mmap.PAGESIZE)  # anonymous and shared with the child
    started = time.monotonic()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return _Child(pid, started, beat)
    _die_with(parent)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, watched)
    code = EXIT_CRASHED
    try:
        code = work(beat)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # not sys.exit: the parent's clean-up is the parent's


def _work(stage: str, settings: Settings, beat: mmap.mmap) -> int:
    """In the child: import the loop and run it. Returns the exit code."""
    stop = Stop(beat)

    def on_signal(signum: int, frame: FrameType | None) -> None:
        stop.ask()

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, on_signal)
    try:
        run: Run = importlib.import_module(f"{stage}.loop").run
        run(settings, stop)
    except UserError as error:
        log.error("%s", error)
        return EXIT_MISTAKE
    except Exception:
        log.exception("crashed")
        return EXIT_CRASHED
    return 0


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends (Linux); Stop checks the parent too, everywhere."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended between fork and prctl
        os._exit(EXIT_CRASHED)


def _ancestors() -> list[tuple[int, int]]:
    """(pid, its parent) up to honcho, which stands two steps above: honcho → its runner → this process.

    Started by hand there is nobody to watch: `nohup python -m capture &` may outlive its shell.
    """
    if not under_honcho():
        return []
    runner = os.getppid()
    return [(os.getpid(), runner), (runner, parent_of(runner) or 0)]


def _alive(ancestors: list[tuple[int, int]]) -> bool:
    """True while everyone still has the parent it had: an orphan gets another."""
    return all(parent_of(pid) == parent for pid, parent in ancestors)
