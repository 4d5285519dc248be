"""The governor: `--cpu` and `--battery`. How much of one core the whole call may use, and what is left for whom.

Every process says once a second what share of a core it had (common/figures.py). What capture, compose and the displays
leave of the budget is for looking for people: workers pace themselves by what one look costs them. Where that is too
little for LEAST_HZ, compose runs the matte on fewer frames. The camera's rate is never touched, and no mask lives longer
for it: below LEAST_HZ masks would die of age between two results, so a budget that is too small is overdrawn, and said.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from common.figures import Figure, figures, read_figures

LEAST_HZ = 2.2  # all workers together: a mask of 0.45 s and a look of 0.25 s are still under the limit of 0.75 s
BATTERY_PERCENT = 100.0
LOOK_EVERY_S = 1.0
SMOOTH = 0.4  # how much of a share is what was said last
MOST_EVERY = 3  # the matte runs on every third frame at least
# of the least that workers need: below the one the matte yields, above the other it comes back
ENOUGH, AMPLE = 1.0, 1.5
PATIENCE_LOOKS = 3
POWER = Path("/sys/class/power_supply")


class Allowance(NamedTuple):
    """What a worker may do: looks a second, and how many times the least that all of them need is there for them."""

    hz: float
    spare: float


def allowance(budget_percent: float, others: float, workers: int, cost_s: float) -> Allowance:
    """Of a budget in percent of one core. Pure.

    Args:
        budget_percent: Of the whole call.
        others: Cores that everything but the workers uses.
        workers: How many share what is left, at least 1.
        cost_s: CPU seconds of one look.
    """
    left = max(0.0, budget_percent / 100 - others)
    hz = left / max(cost_s, 1e-4)
    return Allowance(max(hz, LEAST_HZ) / workers, hz / LEAST_HZ)


def on_battery(power: Path = POWER) -> bool:
    """Whether this machine's battery is being used up; a machine without one is not."""
    for status in power.glob("*/status"):
        try:
            if status.read_text().strip() == "Discharging":
                return True
        except OSError:
            continue
    return False


class Budget:
    """The budget that holds now, and what is said of it in the run folder.

    Args:
        percent: Of one core, for the whole call; 0: none.
        battery: Whether there is one of BATTERY_PERCENT while on battery.
        run_dir: Of the call.
    """

    def __init__(self, percent: float, battery: bool, run_dir: Path) -> None:
        self._percent, self._battery, self._run_dir = percent, battery, run_dir
        self._next_at = 0.0

    def look(self) -> tuple[float, list[Figure]] | None:
        """Once a second: the budget in percent, 0 for none, and all figures; else None."""
        now = time.monotonic()
        if now < self._next_at or not (self._percent or self._battery):
            return None
        self._next_at = now + LOOK_EVERY_S
        percent = self._percent
        if self._battery and on_battery():
            percent = min(percent or BATTERY_PERCENT, BATTERY_PERCENT)
        return percent, list(read_figures(self._run_dir)) if percent else []


class Pace:
    """How often one worker may look for people.

    Args:
        budget: See Budget.
        most_hz: Never more often, 0: as often as it can.
    """

    def __init__(self, budget: Budget, most_hz: float) -> None:
        self._budget, self._most_hz = budget, most_hz
        self._allowed = Allowance(0.0, AMPLE)
        self._others: float | None = None
        self._cost_s = 0.0
        self._spent_s = time.process_time()

    def looked(self) -> None:
        """One look more; what the process has used since the last one is its cost."""
        spent_s = time.process_time()
        cost_s, self._spent_s = spent_s - self._spent_s, spent_s
        self._cost_s += (cost_s - self._cost_s) * SMOOTH if self._cost_s else cost_s

    @property
    def is_bound(self) -> bool:
        """Whether a budget holds: CPU seconds count then, and not how soon a result comes."""
        return self._allowed.hz > 0

    def period_s(self) -> float:
        """Seconds from the beginning of one look to the next, at least."""
        if (looked := self._budget.look()) is not None:
            self._judge(*looked)
        rates = [hz for hz in (self._most_hz, self._allowed.hz) if hz]
        return 1 / min(rates) if rates else 0.0

    def _judge(self, percent: float, said: Iterable[Figure]) -> None:
        shares = {figure.process: figure.value for figure in said if figure.name == "cpu_cores"}
        workers = [name for name in shares if name.startswith("infer")]
        now = sum(share for name, share in shares.items() if name not in workers)
        if not percent or not self._cost_s:
            self._allowed, self._others = Allowance(0.0, AMPLE), None
            return
        self._others = now if self._others is None else self._others + (now - self._others) * SMOOTH
        self._allowed = allowance(percent, self._others, max(1, len(workers)), self._cost_s)
        figures.put("looks_allowed", self._allowed.hz)
        figures.put("budget_spare", self._allowed.spare)


class MattePace:
    """On how many frames the matte runs: every one, every second, every third; without a budget on every one."""

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget
        self._short = self._ample = 0
        self.every = 1

    def look(self) -> int:
        """Every so many frames, as of now."""
        if self._budget is not None and (looked := self._budget.look()) is not None:
            percent, said = looked
            spare = [figure.value for figure in said if figure.name == "budget_spare"]
            self.judge(min(spare) if percent and spare else None)
            figures.put("matte_every", self.every)
        return self.every

    def judge(self, spare: float | None) -> None:
        """What workers said once more, None where there is no budget or no worker."""
        self._short = self._short + 1 if spare is not None and spare < ENOUGH else 0
        self._ample = self._ample + 1 if spare is None or spare > AMPLE else 0
        if self._short >= PATIENCE_LOOKS and self.every < MOST_EVERY:
            self.every, self._short = self.every + 1, 0
        elif self._ample >= PATIENCE_LOOKS and self.every > 1:
            self.every, self._ample = self.every - 1, 0
