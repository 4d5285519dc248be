from __future__ import annotations

import logging
from pathlib import Path

import pytest

from common.errors import ConfigError
from common.runtime.heartbeat import Heartbeat
from common.runtime.stage_context import StageContext
from display.relay import loop
from display.relay.settings import RelaySettings


class EndingStage(StageContext):
    """Requests the stop after so many turns of the loop."""

    def __init__(self, turns: int, restarts: int) -> None:
        super().__init__(Heartbeat(logging.INFO), [], restarts)
        self._turns = turns

    def should_stop(self) -> bool:
        self._turns -= 1
        return self._turns < 0


def test_a_relay_that_cannot_serve_again_after_a_restart_says_so_once_and_tries_again(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The call ended with a relay that was killed and whose last key had been revoked meanwhile."""
    monkeypatch.setattr(loop, "IDLE_S", 0)
    monkeypatch.setattr(loop, "RETRY_S", 0)
    run_dir.mkdir()
    settings = RelaySettings(run_dir=run_dir, relay="tcp://127.0.0.1:5999", keys=run_dir / "none")
    with pytest.raises(ConfigError, match="expected somebody who may watch"):
        loop.run(settings, EndingStage(turns=10, restarts=0))
    loop.run(settings, EndingStage(turns=10, restarts=1))
    (said,) = caplog.messages
    assert "expected somebody who may watch" in said and said.endswith("this is tried again")
