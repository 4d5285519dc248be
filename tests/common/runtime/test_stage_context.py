from __future__ import annotations

import logging

import pytest

from common.runtime import stage_context
from common.runtime.heartbeat import Heartbeat
from common.runtime.parent_watch import find_ancestors
from common.runtime.stage_context import StageContext


@pytest.fixture
def stage() -> StageContext:
    return StageContext(Heartbeat(logging.INFO), find_ancestors(), restarts=0)


def test_every_question_whether_to_stop_is_a_heartbeat(stage: StageContext) -> None:
    assert stage.heartbeat.age_s(0) is None
    assert not stage.should_stop()
    assert stage.heartbeat.age_s(0) is not None


def test_a_stage_stops_when_parent_or_honcho_are_gone(stage: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_context, "all_alive", lambda above: False)
    assert stage.should_stop()


def test_a_stop_requested_by_a_signal_during_the_check_is_kept(
    stage: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(above: object) -> bool:
        stage.request_stop()
        return True

    monkeypatch.setattr(stage_context, "all_alive", interrupted)
    assert stage.should_stop()


def test_each_second_is_called_once_a_second(stage: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    now, called = [100.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stage.each_second.append(lambda: called.append(now[0]))
    for _ in range(21):
        assert not stage.should_stop()
        now[0] += 0.125
    assert called == [100.0, 101.0, 102.0]
