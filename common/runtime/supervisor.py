"""Runs a stage's parent: it forks the child that does the work, watches it and restarts it.

The parent opens no camera, no window and no socket. So what a child held is released when the child dies.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
from collections import deque
from types import FrameType
from typing import NoReturn

from common.ipc.shm import remove_stale
from common.runtime.child import run_child
from common.runtime.exit_codes import EXIT_CRASHED, EXIT_OK, EXIT_TERMINATED, EXIT_USAGE
from common.runtime.heartbeat import Heartbeat
from common.runtime.parent_watch import all_alive, find_ancestors
from common.runtime.private_files import be_private
from common.runtime.procinfo import shows_own_processes
from common.runtime.stage_context import StageContext

POLL_S = 0.25
STOP_PATIENCE_S = 1.2  # from SIGTERM to SIGKILL, so that Ctrl-C takes less than two seconds
STUCK_AFTER_S = 5.0
PAUSED_AFTER_S = 1.0  # a turn of the watch that took longer means that this process was paused
START_PATIENCE_S = 60.0  # until the loop begins: loading a network may take long
RESTARTS, RESTARTS_WITHIN_S = 5, 60.0
FIRST_BACKOFF_S = 0.1  # each further death within that time doubles it, to 1.6 s

NO_RESTART = (
    "a recording cannot go on where a stage of it died; start again (what was found is kept where --results says)"
)

log = logging.getLogger("onlyme")


def launch(stage: str, package: str = "") -> NoReturn:
    """Run `run(settings, stage)` of `STAGE.loop`, or of `package`.loop, under supervision; never return."""
    be_private()
    logging.basicConfig(format=f"{stage}: %(message)s", stream=sys.stderr, level=logging.INFO)
    if not shows_own_processes():  # nobody could tell whether honcho is still there, and the camera might stay on
        log.error(
            "expected /proc to show the processes of this container, got those of another or none; "
            "run mount -t proc proc /proc in it (unshare: --mount-proc)"
        )
        sys.exit(EXIT_USAGE)
    sys.exit(_Supervisor(stage, package or stage).run())


class _Child:
    """The child as its parent sees it. Its silence counts from `since` (monotonic s): its start, or the end of a pause."""

    def __init__(self, pid: int, since: float, heartbeat: Heartbeat) -> None:
        self.pid, self.since, self.heartbeat = pid, since, heartbeat

    def stuck_reason(self, now: float) -> str:
        """Return "" or why it counts as stuck: its loop has stood still for too long, or has not begun to turn in time."""
        age_s, silent_s = self.heartbeat.age_s(now), now - self.since
        if age_s is None:
            return f"its loop had not begun after {START_PATIENCE_S:.0f} s" if silent_s > START_PATIENCE_S else ""
        return f"its loop stood still for {STUCK_AFTER_S:.0f} s" if min(age_s, silent_s) > STUCK_AFTER_S else ""

    def end(self, patience_s: float) -> None:
        """Send SIGTERM, and SIGKILL after `patience_s`; with 0 SIGKILL at once.

        Neither a forward pass nor a stopped process reacts to SIGTERM.
        """
        deadline = time.monotonic() + patience_s
        if patience_s:
            os.kill(self.pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(0.01)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class _Signals:
    """Handles the parent's signals: each ends a wait at once, and a request to stop is remembered.

    It does not use sigtimedwait, which in CPython 3.11 returns an arbitrary signal after SIGSTOP and SIGCONT.
    """

    REQUESTS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    ALL = (*REQUESTS, signal.SIGCHLD)

    def __init__(self) -> None:
        self.stop_requested = False
        self._wake_r, wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
        for signum in self.REQUESTS:
            signal.signal(signum, self._request_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler it would end no wait

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond the next signal."""
        if select.select([self._wake_r], [], [], max(seconds, 0))[0]:
            os.read(self._wake_r, 4096)

    @classmethod
    def reset(cls) -> None:
        """Take all handlers back, in the child."""
        signal.set_wakeup_fd(-1)
        for signum in cls.ALL:
            signal.signal(signum, signal.SIG_DFL)

    def _request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.stop_requested = True


class _Supervisor:
    """Keeps a child running until it ends by itself, a stop is requested, or children died too often."""

    def __init__(self, stage: str, package: str) -> None:
        self._stage, self._package = stage, package
        self._signals = _Signals()
        self._above = find_ancestors()
        self._deaths: deque[float] = deque()
        self._restarts = 0

    def run(self) -> int:
        """Return the exit code."""
        while not self._should_stop():
            remove_stale()  # what an earlier call or the last child left in shared memory
            child = self._fork()
            code, reason = self._watch(child)
            logging.getLogger().setLevel(child.heartbeat.log_level)  # as --log-level says, which the child has read
            if not reason:
                remove_stale()
                return code
            if child.heartbeat.is_last:
                log.error("%s: %s", reason, NO_RESTART)
                return EXIT_CRASHED
            if not self._wait_before_restart(reason):
                return EXIT_CRASHED
        return EXIT_OK

    def _watch(self, child: _Child) -> tuple[int, str]:
        """Wait for the child's end; return an exit code, and why another child is needed ("" if none is).

        A turn that took far longer than asked means that this process was paused (SIGSTOP, docker pause, the freezer), and
        its child perhaps with it. The child's silence then counts from now on.
        """
        now = time.monotonic()
        while True:
            self._signals.wait(POLL_S)
            before, now = now, time.monotonic()
            if now - before > PAUSED_AFTER_S:
                child.since = now
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                if self._signals.stop_requested:
                    return EXIT_OK, ""
                return code, ("" if code in (EXIT_OK, EXIT_USAGE) else _describe(code))
            if self._should_stop():
                child.end(STOP_PATIENCE_S)
                return EXIT_OK, ""
            if why := child.stuck_reason(now):
                child.end(0)
                return -signal.SIGKILL, f"stuck ({why})"

    def _wait_before_restart(self, reason: str) -> bool:
        """Count a death and wait before the restart; return False after too many deaths."""
        now = time.monotonic()
        backoff_s = backoff_after(self._deaths, now)
        self._restarts, deaths = self._restarts + 1, len(self._deaths)
        if backoff_s is None:
            log.error("%s, %d times within %.0f s: giving up, the call ends", reason, deaths, RESTARTS_WITHIN_S)
            return False
        text = "%s: restarting in %.1f s (%d of %d within %.0f s)"
        log.warning(text, reason, backoff_s, deaths, RESTARTS, RESTARTS_WITHIN_S)
        while (left := now + backoff_s - time.monotonic()) > 0 and not self._should_stop():
            self._signals.wait(min(left, POLL_S))
        return True

    def _should_stop(self) -> bool:
        """Return True once a stop is requested, or nobody is left who could request it."""
        if not self._signals.stop_requested and not all_alive(self._above):
            log.warning("honcho is gone, or stops nobody any more: ending")
            self._signals.stop_requested = True
        return self._signals.stop_requested

    def _fork(self) -> _Child:
        """Start a child. A plain fork is safe, because the parent has one thread and no open sockets."""
        heartbeat, parent, started = Heartbeat(logging.getLogger().level), os.getpid(), time.monotonic()
        signal.pthread_sigmask(signal.SIG_BLOCK, _Signals.ALL)  # the child must not lose one to the parent's handlers
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _Signals.ALL)
            return _Child(pid, started, heartbeat)
        _Signals.reset()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _Signals.ALL)
        above = [(os.getpid(), parent), *self._above]
        run_child(self._stage, self._package, StageContext(heartbeat, above, self._restarts), parent)


def backoff_after(deaths: deque[float], now: float) -> float | None:
    """Add a death at `now` (s) and drop those of long ago. Return the seconds until the restart, None after too many."""
    deaths.append(now)
    while now - deaths[0] > RESTARTS_WITHIN_S:
        deaths.popleft()
    return FIRST_BACKOFF_S * 2 ** (len(deaths) - 1) if len(deaths) <= RESTARTS else None


def _describe(code: int) -> str:
    """Say how a child ended."""
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:  # a real-time signal has no name
            return f"killed by signal {-code}"
    return "told to end by a signal from elsewhere" if code == EXIT_TERMINATED else f"ended with code {code}"
