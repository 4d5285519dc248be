"""Negative controls: the real compose, broken the way peers' were. Never part of the call.

python -m tests.faults.unsafe_compose raw     no mask: the filter is skipped
python -m tests.faults.unsafe_compose stale   an old mask for ever, taken for a fresh one
python -m tests.faults.unsafe_compose wrong   somebody else is taken for the subject
python -m tests.faults.unsafe_compose weak    the blur is sigma 1/50 of the height
"""

from __future__ import annotations

import sys
from unittest import mock

from common.runtime.supervisor import launch
from compose.picture import blur
from compose.policy import Decision, Policy, State

_evaluate = Policy.evaluate


def raw(self: Policy, now_ns: int, age_limit_ms: float) -> Decision:
    decision = _evaluate(self, now_ns, age_limit_ms)
    return decision if decision.state is State.LIVE else decision._replace(state=State.OFF)


def stale(self: Policy, now_ns: int, age_limit_ms: float) -> Decision:
    decision = _evaluate(self, now_ns, age_limit_ms)
    if self._masks is None or not self._selection.subjects:
        return decision
    return Decision(State.LIVE, "", 100.0, self._selection.subjects, 1.0, frame=decision.frame)


def wrong(self: Policy, now_ns: int, age_limit_ms: float) -> Decision:
    decision = _evaluate(self, now_ns, age_limit_ms)
    if self._masks is None or not decision.subjects:
        return decision
    others = tuple(i for i in self._masks.instances if i not in decision.subjects)
    return decision._replace(subjects=others)


if __name__ == "__main__":
    how = sys.argv.pop(1)
    if how == "weak":
        blur.DEFAULT_SIGMA = blur.LEAST_SIGMA = 1 / 50
    else:
        mock.patch.object(Policy, "evaluate", {"raw": raw, "stale": stale, "wrong": wrong}[how]).start()
    launch("compose")
