from __future__ import annotations

import logging

import pytest

from common.runtime import child
from common.runtime.child import Stop
from common.runtime.heartbeat import Pulse
from common.runtime.parent_watch import ancestors


def stop() -> Stop:
    return Stop(Pulse(logging.INFO), ancestors(), restarts=0)


def test_asking_is_the_heartbeat() -> None:
    asked = stop()
    assert asked.pulse.silence_s(0) is None
    assert not asked
    assert asked.pulse.silence_s(0) is not None


def test_it_ends_with_those_above(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "are_there", lambda above: False)
    assert stop()


def test_what_a_signal_asks_during_the_look_at_those_above_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stop()

    def interrupted(above: object) -> bool:
        asked.ask()
        return True

    monkeypatch.setattr(child, "are_there", interrupted)
    assert asked
