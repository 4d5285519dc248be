"""A stage's parent: light, it watches a child that works.

honcho ends the whole call as soon as one of its processes ends. So the process it starts only watches: it forks the
child, restarts it when it dies or its loop stops turning, gives up loudly after too many deaths, and ends when honcho is
gone, so that the camera is never left on. The child dies with its parent.
"""

from __future__ import annotations

import logging
import math
import os
import select
import signal
import sys
import time
from collections import deque
from types import FrameType
from typing import NoReturn

from common.ipc.shm import remove_stale
from common.runtime.child import die_with, work
from common.runtime.exit_codes import EXIT_CRASHED, EXIT_OK, EXIT_TERMINATED, EXIT_USAGE
from common.runtime.heartbeat import Pulse
from common.runtime.parent_watch import Ancestors, all_alive, find_ancestors
from common.runtime.private_files import be_private
from common.runtime.stage_context import StageContext

POLL_S = 0.25
STOP_PATIENCE_S = 1.2
STUCK_AFTER_S = 5.0
STOPPED_AFTER_S = 1.0  # of a turn that should take POLL_S
START_PATIENCE_S = 60.0
RESTARTS, RESTARTS_WITHIN_S = 5, 60.0
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 2.0

log = logging.getLogger("onlyme")


def launch(stage: str, package: str = "") -> NoReturn:
    """Run `run(settings, stage)` of `STAGE.loop`, or of `package`.loop, under supervision; never returns."""
    be_private()
    logging.basicConfig(format=f"{stage}: %(message)s", stream=sys.stderr, level=logging.INFO)
    # display's parent shows nothing, capture's holds no camera: whatever the child had goes with the child
    sys.exit(_Supervisor(stage, package or stage).run())


class _Child:
    """The child as its parent sees it; `since` (monotonic s) is when its silence began to count."""

    def __init__(self, pid: int, since: float, pulse: Pulse) -> None:
        self.pid, self.since, self.pulse = pid, since, pulse

    def is_stuck(self, now: float) -> bool:
        silence_s, patience_s = self.pulse.silence_s(now), STUCK_AFTER_S
        if silence_s is None:
            silence_s, patience_s = math.inf, START_PATIENCE_S
        return min(silence_s, now - self.since) > patience_s


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


class _Supervisor:
    """Keeps one child running until it ends by itself, we are told to stop, or it died too often."""

    def __init__(self, stage: str, package: str) -> None:
        self._stage, self._package = stage, package
        self._signals = _Signals()
        self._above = find_ancestors()
        self._deaths: deque[float] = deque()
        self._restarts = 0

    def run(self) -> int:
        """Returns the exit code."""
        while not self._is_over():
            remove_stale()  # what an earlier call or our last child left behind
            child = self._fork()
            reason, code = self._watch(child)
            logging.getLogger().setLevel(child.pulse.log_level)
            if reason == "stop" or code in (EXIT_OK, EXIT_USAGE):
                remove_stale()
                return EXIT_OK if reason == "stop" else code
            if not self._may_restart(reason):
                return EXIT_CRASHED
        return EXIT_OK

    def _watch(self, child: _Child) -> tuple[str, int]:
        """Wait for the child's end. Returns what happened ("stop" if we ended it on request) and an exit code.

        A turn that took far longer than asked says that this process was stopped itself (SIGSTOP, docker pause, the
        freezer), and its child perhaps with it: the child's silence counts from now on.
        """
        looked = time.monotonic()
        while True:
            self._signals.wait(POLL_S)
            before, looked = looked, time.monotonic()
            if looked - before > STOPPED_AFTER_S:
                child.since = looked
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                return ("stop" if self._signals.told else _describe(code)), code
            if self._is_over():
                _end(child, STOP_PATIENCE_S)
                return "stop", EXIT_OK
            if child.is_stuck(looked):
                _end(child, 0)
                return f"stuck (its loop stood still for {STUCK_AFTER_S:.0f} s)", -signal.SIGKILL

    def _may_restart(self, reason: str) -> bool:
        """Count a death, and wait for a while before the restart; False after too many."""
        now = time.monotonic()
        self._deaths.append(now)
        self._restarts += 1
        while now - self._deaths[0] > RESTARTS_WITHIN_S:
            self._deaths.popleft()
        deaths = len(self._deaths)
        if deaths > RESTARTS:
            log.error("%s, %d times within %.0f s: giving up, the call ends", reason, deaths, RESTARTS_WITHIN_S)
            return False
        backoff_s = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (deaths - 1))
        text = "%s: restarting in %.1f s (%d of %d within %.0f s)"
        log.warning(text, reason, backoff_s, deaths, RESTARTS, RESTARTS_WITHIN_S)
        self._wait_until(now + backoff_s)
        return True

    def _wait_until(self, deadline: float) -> None:
        """Wait, but not beyond the end of the call."""
        while (left := deadline - time.monotonic()) > 0 and not self._is_over():
            self._signals.wait(min(left, POLL_S))

    def _is_over(self) -> bool:
        """True once we are told to end, or nobody is left who could tell us."""
        if not self._signals.told and not all_alive(self._above):
            log.warning("honcho is gone, or stops nobody any more: ending")
            self._signals.told = True
        return self._signals.told

    def _fork(self) -> _Child:
        """Start the child. The parent has one thread and no open sockets, so a plain fork is safe."""
        pulse, started, parent = Pulse(logging.getLogger().level), time.monotonic(), os.getpid()
        _flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, _Signals.ALL)  # none may be lost to our handlers in the child
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _Signals.ALL)
            return _Child(pid, started, pulse)
        _Signals.reset()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _Signals.ALL)
        self._be_child([(os.getpid(), parent), *self._above], pulse)

    def _be_child(self, above: Ancestors, pulse: Pulse) -> NoReturn:
        code = EXIT_CRASHED
        try:
            die_with(above[0][1])
            code = work(self._stage, self._package, StageContext(pulse, above, self._restarts))
        except SystemExit as asked:  # with 0 after --help
            code = EXIT_CRASHED if asked.code else EXIT_OK
        except Exception:
            log.exception("crashed")
        finally:
            try:
                _flush()
            finally:
                os._exit(code)  # not sys.exit: the parent's clean-up is the parent's


def _flush() -> None:
    """Write out what standard output and error still hold, where anybody takes it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            print(end="", file=stream, flush=True)  # also where there is none (None)
        except (OSError, ValueError):  # it is closed: there, or here
            continue


def _describe(code: int) -> str:
    """A child's end in words."""
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:  # a real-time signal has no name
            return f"killed by signal {-code}"
    return "told to end by a signal from elsewhere" if code == EXIT_TERMINATED else f"ended with code {code}"


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
