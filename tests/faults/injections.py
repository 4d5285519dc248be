"""Signals into a running call at random moments, and what came of them: hidden when, live again when, leaked what."""

from __future__ import annotations

import contextlib
import random
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from os import pidfd_open
from pathlib import Path
from typing import NamedTuple

from common.ipc.shm import find_stale, remove_stale
from common.settings.detection import MASK_AGE_ALONE_MS, MASK_AGE_MS
from compose.policy import SILENCE_NS
from display.composite_reader import CompositeReader
from tests.call import stages
from tests.faults.oracle import LeakOracle
from tests.faults.scenes import PATTERNED, PatternedScene
from tests.faults.watch import Heard, Seen, WatchedCall, watched_call
from tests.processes.neighbours import wait_for
from tests.segments import new_since, segment_names

STAGES = ("capture", "infer", "compose", "display")
ACTS = {"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGSTOP": signal.SIGSTOP}
OLDER_THAN = re.compile(r"mask older than (\d+) ms")  # the limit depends on the situation


class Fault(NamedTuple):
    """One signal to one process."""

    act: str
    stage: str
    who: str  # child or parent

    def __str__(self) -> str:
        return f"{self.act} {self.stage} {self.who}"

    @property
    def ends(self) -> bool:
        """A parent's end is the end of its line in the Procfile, and so of the call."""
        return self.who == "parent" and self.act != "SIGSTOP"

    @property
    def restarts(self) -> bool:
        """A child that dies or stands still is restarted."""
        return self.who == "child"


class Outcome(NamedTuple):
    """What came of one fault; times in ms, None where that did not happen."""

    fault: Fault
    frames_hidden: int
    to_hidden_ms: float | None
    late_ms: float | None  # hidden that long after the fault, or after the limit that it made pass
    to_live_ms: float | None
    restarts: int
    ended: bool


class Result(NamedTuple):
    """All outcomes, and the composites of all calls."""

    outcomes: list[Outcome]
    seen: list[Seen]
    leaks: list[Seen]
    unjudged: int

    @property
    def unjudged_share(self) -> float:
        """Of all composites, 0..1."""
        return self.unjudged / max(1, self.unjudged + len(self.seen))


FAULTS = [Fault(act, stage, who) for act in ACTS for stage in STAGES for who in ("child", "parent")]


def draw(rng: random.Random, count: int) -> Iterator[Fault]:
    """`count` faults, every kind before any comes again, in random order."""
    deck: list[Fault] = []
    for _ in range(count):
        if not deck:
            deck = rng.sample(FAULTS, len(FAULTS))
        yield deck.pop()


def run(settings: dict[str, object], count: int, seed: int, stopped_s: float = 10.0) -> Result:
    """Inject `count` faults one after the other, into new calls where one was ended.

    The scene carries the coarse pattern.

    Args:
        settings: Of the calls.
        count: How many.
        seed: Of the faults and moments.
        stopped_s: How long a parent is stopped; a child is until its parent has restarted it.

    Raises:
        AssertionError: A call did not heal, or did not end closed.
    """
    rng = random.Random(seed)
    faults = list(draw(rng, count))
    scene = PatternedScene(int(str(settings.get("width", 1280))), int(str(settings.get("height", 720))), 30)
    oracle, modules = LeakOracle(scene), {"capture": PATTERNED}
    result = Result([], [], [], 0)
    while faults:
        with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
            run_dir = Path(folder) / "run"
            before = segment_names()
            with watched_call({"status_every": 0.5, **settings}, run_dir, oracle, modules=modules) as call:
                call.wait_live()
                while faults and (not result.outcomes or call.process.poll() is None):
                    time.sleep(rng.uniform(0.6, 2.0))
                    result.outcomes.append(inject(call, faults.pop(0), stopped_s))
                    if result.outcomes[-1].ended:
                        break
            wait_for("the end of every process", partial(has_ended, run_dir), 3)
            left = new_since(before)
            # who was killed cannot clean up: what it leaves must be what the next start sweeps
            assert left <= (set(find_stale()) if result.outcomes[-1].fault.act == "kill -9" else set()), "segments left"
            remove_stale()
            result.seen.extend(call.watch.seen)
            result.leaks.extend(call.watch.leaks())
            result = result._replace(unjudged=result.unjudged + call.watch.unjudged)
    return result


def has_ended(run_dir: Path) -> bool:
    """True where no stage is left."""
    return not stages(run_dir)


def inject(call: WatchedCall, fault: Fault, stopped_s: float) -> Outcome:
    """One fault, until the call is live again or over."""
    call.wait(
        "all stages", lambda: all(s in {n.split(".")[0] for n, p in call.stages().items() if p.child} for s in STAGES)
    )
    stage = next(pids for name, pids in call.stages().items() if name.split(".")[0] == fault.stage)
    pidfd = pidfd_open(stage.live_child if fault.who == "child" else stage.parent)
    at = time.monotonic()
    signal.pidfd_send_signal(pidfd, ACTS[fault.act])
    if fault.act == "SIGSTOP":
        if not fault.restarts:
            time.sleep(stopped_s)
        else:
            call.wait(f"the restart of {fault.stage}", lambda: call.saying("restarting in", at), 10)
        with contextlib.suppress(ProcessLookupError):  # restarted meanwhile, as it should
            signal.pidfd_send_signal(pidfd, signal.SIGCONT)
    if fault.ends:
        call.wait("the end of the call", lambda: call.process.poll() is not None, 8)
        return Outcome(fault, 0, None, None, None, 0, ended=True)
    if fault.restarts:
        call.wait(f"the restart of {fault.stage}", lambda: call.saying("restarting in", at), 10)
    hidden_at, late_ms = _hidden(call, fault, at)
    restarted_at = max([at, *call.saying("restarting in", at)])
    if fault.stage == "display":
        live_at = call.wait("pictures on display", lambda: call.saying("pictures a second", restarted_at), 20)[0]
    else:
        live_at = call.wait_live(max(restarted_at, hidden_at or 0.0)).at
    return Outcome(
        fault,
        sum(s.hides for s in call.watch.heard if at < s.at <= live_at),
        None if hidden_at is None else (hidden_at - at) * 1000,
        late_ms,
        None if hidden_at is None and not fault.restarts else (live_at - at) * 1000,
        len(call.saying("restarting in", at)),
        ended=False,
    )


def _hidden(call: WatchedCall, fault: Fault, at: float) -> tuple[float | None, float | None]:
    """When the fault hid the picture, and how long after the event or limit that should hide it; None: it did not."""
    if fault.who == "parent" or fault.stage == "display":
        return None, None  # nothing to hide: the child goes on, or shows nothing any more
    stopped = fault.act == "SIGSTOP"
    if fault.stage == "compose":  # the real display blanks itself, and says so

        def blank_or_hidden() -> float | None:
            # a restarted compose may be live again before a display has found it: then the blank is all there was
            hidden = call.watch.hidden(at)
            return min([*call.saying("waiting for", at), *([hidden.at] if hidden else [])], default=None)

        hidden_at = call.wait("a blank or hidden picture", blank_or_hidden, 10)
        last = max((s.at for s in call.watch.heard if s.at < hidden_at), default=at)
        return hidden_at, (hidden_at - (last + CompositeReader.blank_after_s if stopped else at)) * 1000
    if fault.stage == "infer":
        restarted_at = max(call.saying("restarting in", at))
        first = call.wait("a hidden picture or a new mask", lambda: _hidden_or_masked(call, at, restarted_at), 10)
        if not first.hides:  # the worker was back before its last mask was too old
            oldest_ms = max(s.message.mask_age_ms for s in call.watch.heard if at < s.at <= first.at)
            return None, max(0.0, oldest_ms - MASK_AGE_ALONE_MS)
    hidden = call.wait_hidden(at)
    last_live = [s for s in call.watch.heard if s.at < hidden.at and s.message.state == "live"][-1]
    if fault.stage == "infer":
        limit = OLDER_THAN.search(hidden.message.reason)
        limit_ms = int(limit[1]) if limit else MASK_AGE_MS
        assert limit_ms <= MASK_AGE_ALONE_MS
        due = last_live.at + (limit_ms - last_live.message.mask_age_ms) / 1000
    else:
        due = last_live.at + SILENCE_NS / 1e9 if stopped else max(at, last_live.at)
    return hidden.at, (hidden.at - due) * 1000


def _hidden_or_masked(call: WatchedCall, at: float, restarted_at: float) -> Heard | None:
    """The first composite after `at` that shows nobody, or is live by a mask of a frame later than `restarted_at`."""
    masked = (
        s for s in call.watch.heard
        if s.message.state == "live" and (s.message.frame.captured_ns / 1e6 - s.message.mask_age_ms) / 1e3 > restarted_at
    )  # fmt: skip
    return call.watch.hidden(at) or next(masked, None)
