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
from compose.policy import Policy, State, Verdict

_judge = Policy.judge


def raw(self: Policy, now_ns: int) -> Verdict:
    verdict = _judge(self, now_ns)
    return verdict if verdict.state is State.LIVE else verdict._replace(state=State.OFF)


def stale(self: Policy, now_ns: int) -> Verdict:
    if self._masks is None or not self._choice.subjects:
        return _judge(self, now_ns)
    return Verdict(State.LIVE, "", 100.0, self._choice.subjects, 1.0)


def wrong(self: Policy, now_ns: int) -> Verdict:
    verdict = _judge(self, now_ns)
    if self._masks is None or not verdict.subjects:
        return verdict
    others = tuple(i for i in self._masks.instances if i not in verdict.subjects)
    return verdict._replace(subjects=others)


if __name__ == "__main__":
    how = sys.argv.pop(1)
    if how == "weak":
        blur.DEFAULT_SIGMA = blur.LEAST_SIGMA = 1 / 50
    else:
        mock.patch.object(Policy, "judge", {"raw": raw, "stale": stale, "wrong": wrong}[how]).start()
    launch("compose")
