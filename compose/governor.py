"""The governor: how often people are looked for, at which priority workers run, and on how many frames the matte runs. Pure.

The picture is more important than the masks, so workers run at low priority: everything else runs first. But where other
programs use every core (such as the meeting itself, in a browser), such a worker gets a tenth of a core. Its masks become too
old, and nobody is shown. Then the worker *insists*: it runs at normal priority. If an inference still takes so long that its mask
would soon be too old, the embedded detector runs alone. It tells people apart as well, in a third of the time
(`python -m tests.bench people`). If compose falls behind the camera, the matte runs on fewer frames before more frames are
skipped.

`--cpu` and `--battery` limit the CPU of the whole call. Inferences get what capture, compose and the displays leave. If that is too
little for MIN_HZ, the matte runs on fewer frames. The camera's rate never changes, and masks are never used for longer: below
MIN_HZ masks would become too old between two results, so a budget that is too small is exceeded.

Measured at 720p30 with Mask R-CNN on two cores, alone / beside two programs at full load: niceness 10 shows pictures 11 / 8 ms
after capture (p99 15 / 30) and the subject in 100 / 0 % of them; niceness 0 after 14 / 23 ms (p99 24 / 50), in 100 / 100 %.
"""

from __future__ import annotations

from typing import NamedTuple

MIN_HZ = 2.2  # of all workers together: 0.45 s between results and 0.25 s of inference stay below the limit of 0.75 s
BATTERY_PERCENT = 100.0
SMOOTH = 0.4  # weight of the newest value in a smoothed one
# CPU seconds a second that one inference got: below the first, workers insist; above the second, they stop. A worker that insists
# beside two such programs gets 0.6, one that runs alone more than 1
STARVED, SUFFICIENT = 0.5, 0.75
MEASURED_S = 0.3  # of inference, at least, for one measurement: another process may interrupt a short one
# mean seconds of an inference from which the Mask R-CNN is left out (with the time until the next one its masks would be older than
# 0.75 s), and the number of such measurements in a row; the number of sufficient measurements in a row after which it is tried
# again, which doubles after each failed try, and its greatest value
SLOW_S, SLOW_MEASUREMENTS, RETRY_AFTER, MAX_RETRY_AFTER = 0.35, 2, 4, 64
MAX_MATTE_EVERY = 3  # the matte runs on every third frame at least
# low and high watermarks of headroom: below LOW the matte runs on fewer frames, above HIGH on more
LOW_HEADROOM, HIGH_HEADROOM = 1.0, 1.5
# compose is behind if it skipped so many frames in a second, or was busy for more than the second number's share of it. It can do
# more work if it was busy for less than the third number's share
BEHIND_FRAMES, BEHIND, KEEPS_UP = 2, 0.9, 0.6
YIELD_AFTER_S, RETURN_AFTER_S = 2, 5  # seconds in a row before the matte runs on fewer frames, and on more: no flutter


class Orders(NamedTuple):
    """What the workers and the matte should do.

    hz: Inferences a second of each worker, 0 for no limit.
    insists: Workers run at normal priority, not at low priority.
    light: The embedded detector runs alone.
    matte_every: The matte runs on every so many frames.
    headroom: CPU that the budget leaves for inferences, relative to what MIN_HZ needs; None without a budget.
    """

    hz: float = 0.0
    insists: bool = True
    light: bool = False
    matte_every: int = 1
    headroom: float | None = None


class Usage(NamedTuple):
    """What was used in the last `seconds`.

    cores: CPU of the whole call, in cores.
    workers: Number of workers.
    skipped: Frames that compose skipped.
    composing_s: Seconds in which compose was busy.
    """

    seconds: float
    cores: float
    workers: int
    skipped: int
    composing_s: float


class Governor:
    """Decides once a second, and about inferences whenever there were enough of them for a measurement."""

    def __init__(self) -> None:
        self.orders = Orders()
        self._cpu_s, self._took_s, self._taken = 0.0, 0.0, 0  # of inferences since the last measurement; their number
        self._spent_s, self._inferences = 0.0, 0  # since the last second
        self._slow = self._fed = 0  # measurements in a row
        self._try_after = RETRY_AFTER
        self._cost_s = 0.0  # of one inference
        self._others: float | None = None  # cores that everything but inferences takes
        self._short = self._ample = 0  # seconds in a row

    def record_inference(self, cpu_s: float, took_s: float) -> None:
        """Record that one inference took `cpu_s` CPU seconds within `took_s` seconds."""
        self._spent_s, self._inferences = self._spent_s + cpu_s, self._inferences + 1
        self._cpu_s, self._took_s, self._taken = self._cpu_s + cpu_s, self._took_s + took_s, self._taken + 1
        if self._took_s < MEASURED_S:
            return
        share, mean_s = self._cpu_s / self._took_s, self._took_s / self._taken
        self._cpu_s, self._took_s, self._taken = 0.0, 0.0, 0
        if not STARVED <= share <= SUFFICIENT:
            self.orders = self.orders._replace(insists=share < STARVED)
        self._fed = self._fed + 1 if share > SUFFICIENT else 0
        self._slow = self._slow + 1 if mean_s > SLOW_S and share <= SUFFICIENT and self.orders.insists else 0
        if self.orders.light and self._fed >= self._try_after:
            self.orders = self.orders._replace(light=False)
            self._fed, self._try_after = 0, min(2 * self._try_after, MAX_RETRY_AFTER)
        elif not self.orders.light and self._slow >= SLOW_MEASUREMENTS:
            self.orders = self.orders._replace(light=True)
            self._slow = 0
        elif not self.orders.light and self._fed >= MAX_RETRY_AFTER:  # the last try was successful
            self._try_after = RETRY_AFTER

    def update(self, used: Usage, percent: float) -> None:
        """Decide anew after a second; `percent` of one core is the budget of the call, 0 for none."""
        if self._inferences:
            self._cost_s = _smoothed(self._cost_s or None, self._spent_s / self._inferences)
        others = max(0.0, used.cores - self._spent_s / used.seconds)
        self._others = _smoothed(self._others, others)
        self._spent_s, self._inferences = 0.0, 0
        hz, headroom = 0.0, None
        if percent and self._cost_s:
            hz, headroom = allowed_rate(percent, self._others, max(1, used.workers), self._cost_s)
        self.orders = self.orders._replace(hz=hz, headroom=headroom, matte_every=self._matte_every(used, headroom))

    def _matte_every(self, used: Usage, headroom: float | None) -> int:
        every, working = self.orders.matte_every, used.composing_s / used.seconds
        behind = used.skipped >= BEHIND_FRAMES or working > BEHIND
        keeps_up = used.skipped == 0 and working < KEEPS_UP
        self._short = self._short + 1 if behind or (headroom is not None and headroom < LOW_HEADROOM) else 0
        self._ample = self._ample + 1 if keeps_up and (headroom is None or headroom > HIGH_HEADROOM) else 0
        if self._short >= YIELD_AFTER_S and every < MAX_MATTE_EVERY:
            self._short, every = 0, every + 1
        elif self._ample >= RETURN_AFTER_S and every > 1:
            self._ample, every = 0, every - 1
        return every


def allowed_rate(percent: float, others: float, workers: int, cost_s: float) -> tuple[float, float]:
    """Return the inferences a second that each worker may make, and the headroom (see Orders).

    Args:
        percent: Budget of the whole call, in percent of one core.
        others: Cores that everything but inferences uses.
        workers: Number of workers that share the rest, at least 1.
        cost_s: CPU seconds of one inference.
    """
    hz = max(0.0, percent / 100 - others) / max(cost_s, 1e-4)
    return max(hz, MIN_HZ) / workers, hz / MIN_HZ


def _smoothed(before: float | None, now: float) -> float:
    return now if before is None else before + (now - before) * SMOOTH
