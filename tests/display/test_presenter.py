from __future__ import annotations

import numpy as np
import pytest

from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo
from display.composite_reader import Composites
from display.meter import Meter
from display.presenter import Shown
from display.remote import RelayClock, RelayedComposites
from display.sinks.factory import UnattendedSink

MESSAGE = FrameComposed(FrameInfo(5, 7, 1, 9, "", 3, 48, 64), 2, "live", "", 80.5, True, "model")
PICTURE = np.full((48, 64, 3), 200, np.uint8)


class Sink(UnattendedSink):
    def __init__(self) -> None:
        self.did: list[str] = []
        self.last = PICTURE

    def show(self, picture: np.ndarray, message: FrameComposed, meter: Meter) -> None:
        self.did.append("picture")
        self.last = picture

    def blank(self, why: str) -> None:
        self.did.append(why)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_a_relay_s_last_picture_is_marked_when_stale_and_then_goes(clock: list[float]) -> None:
    sink = Sink()
    shown = Shown(sink, RelayedComposites.__new__(RelayedComposites))
    shown.put(MESSAGE, PICTURE.copy())
    for _ in range(30):
        clock[0] += 0.1
        shown.look()
    assert sink.did == ["picture", "picture", RelayedComposites.silent]
    assert sink.last.mean() < PICTURE.mean() * 0.6, "the one that is left standing is dimmed and says so"


def test_a_call_s_last_picture_goes_at_once(clock: list[float]) -> None:
    sink = Sink()
    shown = Shown(sink, Composites.__new__(Composites))
    shown.put(MESSAGE, PICTURE.copy())
    clock[0] += 0.55
    shown.look()
    assert sink.did == ["picture", Composites.silent]


def test_when_the_sender_is_gone_nothing_is_left_to_be_marked(clock: list[float]) -> None:
    sink = Sink()
    shown = Shown(sink, RelayedComposites.__new__(RelayedComposites))
    shown.put(MESSAGE, PICTURE.copy())
    shown.lose(RelayedComposites.gone)
    clock[0] += 1
    shown.look()
    assert sink.did == ["picture", RelayedComposites.gone]


def test_the_lag_is_what_a_picture_took_longer_than_the_fastest() -> None:
    clock = RelayClock()
    ahead = [clock.arrived(sent, sent + 10**12 + took) for sent, took in ((0, 5), (10, 3), (20, 90), (30, 4))]
    assert ahead == [10**12 + 5, 10**12 + 3, 10**12 + 3, 10**12 + 3]
    late = 60 * 10**9
    assert clock.arrived(late, late + 10**12 + 7) == 10**12 + 7, "clocks drift: what was long ago counts no more"
    clock.restart()
    assert clock.arrived(late, late + 5) == 5
