"""The governor: how often people are looked for, whether the workers insist on their share, on how many frames the matte runs. Pure.

The picture goes before the masks. So workers are courteous: everything else runs first. But where other programs want every
core (the meeting itself, in a browser) a courteous worker gets a tenth of one, its masks die of age, and nobody is seen any
more: then it insists. Where a look still takes so long that its mask would soon be too old, the small networks look alone: they
tell people apart as well, in a third of the time (`python -m tests.bench people`). Where compose falls behind the camera it makes itself lighter before it skips more frames.

`--cpu` and `--battery` bound what the whole call may use. What capture, compose and the displays leave of that is for looking;
where it is too little for LEAST_HZ, the matte runs on fewer frames. The camera's rate is never touched, and no mask lives
longer for it: below LEAST_HZ masks would die of age between two results, so a budget that is too small is overdrawn.

Measured at 720p30 with Mask R-CNN on two cores, alone / beside two programs at full load: niceness 10 shows pictures 11 / 8 ms
after capture (p99 15 / 30) and the subject in 100 / 0 % of them; niceness 0 after 14 / 23 ms (p99 24 / 50), in 100 / 100 %.
"""

from __future__ import annotations

from typing import NamedTuple

LEAST_HZ = 2.2  # all workers together: a mask of 0.45 s and a look of 0.25 s are still under the limit of 0.75 s
BATTERY_PERCENT = 100.0
SMOOTH = 0.4  # how much of a share is what was said last
# CPU seconds a second that one look got: below, workers insist; above, they are courteous again. Insistent beside two such
# programs a worker gets 0.6, alone more than 1
STARVED, FED = 0.5, 0.75
JUDGED_S = 0.3  # of looking, at least: a short look may just have met another process
# seconds of a look, on average, from which on the Mask R-CNN is left out: with the time until the next one its masks would be older
# than 0.75 s; and how often in a row looks must have been fed before it is tried again, twice as often after each vain try
SLOW_S, SLOW_LOOKS, TRY_AGAIN, LEAST_OFTEN = 0.35, 2, 4, 64
MOST_EVERY = 3  # the matte runs on every third frame at least
# of the least that looking needs: below the one the budget makes the matte yield, above the other it comes back
ENOUGH, AMPLE = 1.0, 1.5
# frames that compose skipped in a second, and the share of the second that it was at work, from which on it is behind; and
# the share below which it would keep up with more, at one step more of the matte
BEHIND_FRAMES, BEHIND, KEEPS_UP = 2, 0.9, 0.6
SHORT_S, AMPLE_S = 2, 5  # so many seconds in a row, before the matte yields and before it comes back: no flutter


class Orders(NamedTuple):
    """hz: looks a second of each worker, 0 for as many as it can. insists: whether workers insist on their share of the
    processor. light: the small networks look alone. matte_every: the matte runs on every so many frames. spare: times the least that looking needs, that the
    budget leaves for it; None where there is no budget."""

    hz: float = 0.0
    insists: bool = True
    light: bool = False
    matte_every: int = 1
    spare: float | None = None


class Used(NamedTuple):
    """What was used in the last `seconds`: cores by the whole call, `workers` of it, frames that compose `skipped`, and the
    seconds that it was at work."""

    seconds: float
    cores: float
    workers: int
    skipped: int
    composing_s: float


class Governor:
    """Judges once a second, and of looks whenever there were enough of them."""

    def __init__(self) -> None:
        self.orders = Orders()
        self._cpu_s, self._took_s, self._taken = 0.0, 0.0, 0  # of the looks that are not judged yet, and their number
        self._spent_s, self._looks = 0.0, 0  # since the last second
        self._slow = self._fed = 0  # judgements in a row
        self._try_after = TRY_AGAIN
        self._cost_s = 0.0  # of one look
        self._others: float | None = None  # cores that everything but looks takes
        self._short = self._ample = 0  # seconds in a row

    def looked(self, cpu_s: float, took_s: float) -> None:
        """A look took so many CPU seconds in so many seconds."""
        self._spent_s, self._looks = self._spent_s + cpu_s, self._looks + 1
        self._cpu_s, self._took_s, self._taken = self._cpu_s + cpu_s, self._took_s + took_s, self._taken + 1
        if self._took_s < JUDGED_S:
            return
        share, mean_s = self._cpu_s / self._took_s, self._took_s / self._taken
        self._cpu_s, self._took_s, self._taken = 0.0, 0.0, 0
        if not STARVED <= share <= FED:
            self.orders = self.orders._replace(insists=share < STARVED)
        self._fed = self._fed + 1 if share > FED else 0
        self._slow = self._slow + 1 if mean_s > SLOW_S and share <= FED and self.orders.insists else 0
        if self.orders.light and self._fed >= self._try_after:
            self.orders = self.orders._replace(light=False)
            self._fed, self._try_after = 0, min(2 * self._try_after, LEAST_OFTEN)
        elif not self.orders.light and self._slow >= SLOW_LOOKS:
            self.orders = self.orders._replace(light=True)
            self._slow = 0
        elif not self.orders.light and self._fed >= LEAST_OFTEN:  # it was not in vain
            self._try_after = TRY_AGAIN

    def judge(self, used: Used, percent: float) -> None:
        """A second is over; `percent` of one core is the budget of the call, 0 for none."""
        if self._looks:
            self._cost_s = _smoothed(self._cost_s or None, self._spent_s / self._looks)
        others = max(0.0, used.cores - self._spent_s / used.seconds)
        self._others = _smoothed(self._others, others)
        self._spent_s, self._looks = 0.0, 0
        hz, spare = 0.0, None
        if percent and self._cost_s:
            hz, spare = allowed(percent, self._others, max(1, used.workers), self._cost_s)
        self.orders = self.orders._replace(hz=hz, spare=spare, matte_every=self._matte_every(used, spare))

    def _matte_every(self, used: Used, spare: float | None) -> int:
        every, working = self.orders.matte_every, used.composing_s / used.seconds
        behind = used.skipped >= BEHIND_FRAMES or working > BEHIND
        keeps_up = used.skipped == 0 and working < KEEPS_UP
        self._short = self._short + 1 if behind or (spare is not None and spare < ENOUGH) else 0
        self._ample = self._ample + 1 if keeps_up and (spare is None or spare > AMPLE) else 0
        if self._short >= SHORT_S and every < MOST_EVERY:
            self._short, every = 0, every + 1
        elif self._ample >= AMPLE_S and every > 1:
            self._ample, every = 0, every - 1
        return every


def allowed(percent: float, others: float, workers: int, cost_s: float) -> tuple[float, float]:
    """Looks a second that each worker may make, and how many times the least that all of them need is there.

    Args:
        percent: Budget of the whole call, of one core.
        others: Cores that everything but looking uses.
        workers: How many share what is left, at least 1.
        cost_s: CPU seconds of one look.
    """
    hz = max(0.0, percent / 100 - others) / max(cost_s, 1e-4)
    return max(hz, LEAST_HZ) / workers, hz / LEAST_HZ


def _smoothed(before: float | None, now: float) -> float:
    return now if before is None else before + (now - before) * SMOOTH
