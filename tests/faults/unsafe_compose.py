"""Negative controls: the real compose with its policy broken the way peers' were. Never part of the call.

python -m tests.faults.unsafe_compose raw     no mask: the filter is skipped (PITFALLS P1, P3)
python -m tests.faults.unsafe_compose stale   an old mask for ever, taken for a fresh one (PITFALLS P2)
"""

from __future__ import annotations

import sys

from common.process import launch
from compose.policy import Policy, State, Verdict

_judge = Policy.judge


def raw(self: Policy, now_ns: int) -> Verdict:
    verdict = _judge(self, now_ns)
    return verdict if verdict.state is State.LIVE else verdict._replace(state=State.OFF)


def stale(self: Policy, now_ns: int) -> Verdict:
    if self._masks is None or not self._choice.subjects:
        return _judge(self, now_ns)
    return Verdict(State.LIVE, "", 100.0, self._choice.subjects, 1.0)


if __name__ == "__main__":
    Policy.judge = {"raw": raw, "stale": stale}[sys.argv.pop(1)]  # type: ignore[method-assign]
    launch("compose")
