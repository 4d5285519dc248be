"""A stage's life: settings, log, a light parent that watches, a child that works.

honcho ends the whole call as soon as one of its processes ends. So the process it starts only watches: it forks the
worker (the child does the heavy imports), restarts it when it dies or its loop stops turning, gives up loudly after
too many deaths, and ends when honcho is gone, so that the camera is never left on. The child dies with its parent.

Exit codes: 0 ended as asked (q, a file played once, SIGTERM) | 1 gave up after crashes | 2 a user's mistake. A child that
ended because of a signal that its parent did not send says 3, and is restarted.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib
import logging
import mmap
import os
import select
import signal
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from common.config import STAGES, Settings, process_name, read_settings, under_honcho
from common.errors import RingTakenError, UserError
from common.figures import figures, path_of
from common.identity import only_waits_for_children, parent_of
from common.run_dir import open_run_dir
from common.segments import sweep

EXIT_CRASHED, EXIT_MISTAKE, EXIT_TOLD = 1, 2, 3
POLL_S = 0.25
FIGURES_EVERY_S = 1.0
STOP_PATIENCE_S = 1.2
STUCK_AFTER_S = 5.0
START_PATIENCE_S = 60.0
RESTARTS, RESTARTS_WITHIN_S = 5, 60.0
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 2.0
PR_SET_PDEATHSIG = 1  # prctl(2)

log = logging.getLogger("onlyme")


Ancestors = list[tuple[int, int]]  # (pid, its parent), to stay so


class Stop:
    """True once the stage should end. Asking is also the loop's heartbeat: `while not stop:` shows it is turning.

    It looks for parent and honcho itself: a parent that was stopped (SIGSTOP) cannot see that honcho is gone.

    Args:
        beat: Where to leave the time, for the parent.
        ancestors: Who must stay alive, as `_ancestors` says.
        first_start: False where the stage is restarted: what was there before is worth waiting for.
    """

    def __init__(
        self,
        beat: mmap.mmap | None = None,
        ancestors: Ancestors | None = None,
        first_start: bool = True,
    ) -> None:
        self.first_start = first_start
        self.leave_figures: Callable[[], None] | None = None
        self._leave_at = 0.0
        self._asked = False
        self._beat = beat
        self._ancestors = ancestors or []
        self._look_at = 0.0

    def __bool__(self) -> bool:
        now = time.monotonic()
        if self._beat is not None:
            _BEAT.pack_into(self._beat, 0, now)
        if now >= self._look_at:
            self._look_at = now + POLL_S
            self._asked = self._asked or not _alive(self._ancestors)
            if self.leave_figures is not None and now >= self._leave_at:
                self._leave_at = now + FIGURES_EVERY_S
                self.leave_figures()
        return self._asked

    def ask(self) -> None:
        """End the loop at its next turn."""
        self._asked = True


_BEAT = struct.Struct("<d")
Run = Callable[[Settings, Stop], None]
Work = Callable[[Stop], int]


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


def give_way(niceness: int) -> bool:
    """Let every other stage and program run first, from 0 (no more than any) to 19.

    honcho gives each process a session of its own, and Linux (sched_autogroup) then weighs sessions against each
    other, not processes. Unlike a process's own niceness a session's may be taken back. False where it was not
    done: there are no autogroups, or somebody else's weight was changed within the last tenth of a second.
    """
    try:
        Path("/proc/self/autogroup").write_text(str(niceness))
    except OSError:
        return False
    return True


def launch(stage: str, package: str = "") -> NoReturn:
    """Run `run(settings, stop)` of `STAGE.loop`, or of `package`.loop, under supervision; never returns."""
    # display's parent shows nothing, capture's holds no camera: whatever the child had goes with the child
    logging.basicConfig(level=logging.INFO, format=f"{stage}: %(message)s", stream=sys.stderr)
    try:
        settings = read_settings(STAGES[stage], f"python -m {package or stage}", sys.argv[1:])
        logging.getLogger().setLevel(settings.log_level.upper())
        open_run_dir(settings.call_dir)
    except UserError as error:
        log.error("%s", error)
        sys.exit(EXIT_MISTAKE)
    sys.exit(_supervise(lambda stop: _work(package or stage, settings, stop)))


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


class _Signals:
    """Signals to the parent: they end a wait at once, and those that ask for the end are remembered.

    Not sigtimedwait: in CPython 3.11 one that is overtaken by SIGSTOP and SIGCONT returns an arbitrary signal.
    """

    ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    ALL = (*ASKING, signal.SIGCHLD)

    def __init__(self) -> None:
        self.told = False
        self._wake_r, wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
        for signum in self.ASKING:
            signal.signal(signum, self._tell)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # ignored by default, and would then wake nobody

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond the next signal."""
        if select.select([self._wake_r], [], [], max(seconds, 0))[0]:
            os.read(self._wake_r, 4096)

    @classmethod
    def reset(cls) -> None:
        """In the child: as if there had been no such thing."""
        signal.set_wakeup_fd(-1)
        for signum in cls.ALL:
            signal.signal(signum, signal.SIG_DFL)

    def _tell(self, signum: int, frame: FrameType | None) -> None:
        self.told = True


def _supervise(work: Work) -> int:
    """Keep one child running until it ends by itself, we are told to stop, or it died too often. Returns the code."""
    signals = _Signals()
    ancestors = _ancestors()
    deaths: deque[float] = deque()
    restarts = 0
    while True:
        sweep()  # what an earlier call or our last child left behind
        child = _fork(work, ancestors, restarts)
        reason, code = _watch(child, signals, ancestors)
        if reason == "stop" or code in (0, EXIT_MISTAKE):
            sweep()
            return 0 if reason == "stop" else code
        now = time.monotonic()
        deaths.append(now)
        restarts += 1
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
        if _told_to_stop_within(backoff, signals, ancestors):
            return 0


def _watch(child: _Child, signals: _Signals, ancestors: Ancestors) -> tuple[str, int]:
    """Wait for the child's end. Returns what happened ("stop" if we ended it on request) and an exit code."""
    while True:
        signals.wait(POLL_S)
        pid, status = os.waitpid(child.pid, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            return ("stop" if signals.told else _describe(code)), code
        if signals.told:
            _end(child, STOP_PATIENCE_S)
            return "stop", 0
        if not _alive(ancestors):
            log.warning("honcho is gone, or stops nobody any more: ending")
            _end(child, STOP_PATIENCE_S)
            return "stop", 0
        if child.is_stuck(time.monotonic()):
            _end(child, 0)
            return f"stuck (its loop stood still for {STUCK_AFTER_S:.0f} s)", -signal.SIGKILL


def _describe(code: int) -> str:
    """A child's end in words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return "told to end by a signal from elsewhere" if code == EXIT_TOLD else f"ended with code {code}"


def _told_to_stop_within(seconds: float, signals: _Signals, ancestors: Ancestors) -> bool:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and not signals.told and _alive(ancestors):
        signals.wait(min(left, POLL_S))
    return signals.told or not _alive(ancestors)


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


def _fork(work: Work, ancestors: Ancestors, restarts: int) -> _Child:
    """Start the child. The parent has one thread and no open sockets, so a plain fork is safe."""
    beat = mmap.mmap(-1, mmap.PAGESIZE)  # anonymous and shared with the child
    started = time.monotonic()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, _Signals.ALL)  # none may be lost to the parent's handlers in the child
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _Signals.ALL)
        return _Child(pid, started, beat)
    _die_with(parent)
    _Signals.reset()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _Signals.ALL)
    code = EXIT_CRASHED
    try:
        figures.put("restarts", restarts)
        code = work(Stop(beat, [*ancestors, (os.getpid(), parent)], first_start=restarts == 0))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # not sys.exit: the parent's clean-up is the parent's


def _work(package: str, settings: Settings, stop: Stop) -> int:
    """In the child: import the loop and run it. Returns the exit code."""
    told = False
    name = process_name(package) if under_honcho() else f"{package}-{os.getpid()}"
    stop.leave_figures = partial(figures.leave, path_of(settings.call_dir, name))

    def on_signal(signum: int, frame: FrameType | None) -> None:
        nonlocal told
        told = True
        stop.ask()

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, on_signal)
    try:
        run: Run = importlib.import_module(f"{package}.loop").run
        run(settings, stop)
    except UserError as error:
        log.error("%s", error)
        return EXIT_MISTAKE
    except Exception:
        log.exception("crashed")
        return EXIT_CRASHED
    return EXIT_TOLD if told else 0


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends (Linux); Stop checks the parent too, everywhere."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended between fork and prctl
        os._exit(EXIT_CRASHED)


def _ancestors() -> Ancestors:
    """(pid, its parent) up to honcho, which stands two steps above: honcho → its runner → this process.

    Started by hand there is nobody to watch: `nohup python -m capture &` may outlive its shell.
    """
    if not under_honcho():
        return []
    runner = os.getppid()
    return [(os.getpid(), runner), (runner, parent_of(runner) or 0)]


def _alive(ancestors: Ancestors) -> bool:
    """True while everyone still has the parent it had (an orphan gets another), and honcho still does its work.

    Where honcho's own output is closed (`honcho start | head`) it fails and then waits for processes that it will never
    end: nobody could stop the call any more, and the camera would stay on.
    """
    if not all(parent_of(pid) == parent for pid, parent in ancestors):
        return False
    return not any(only_waits_for_children(honcho) for _, honcho in ancestors[1:2])
