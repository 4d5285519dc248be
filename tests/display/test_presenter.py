from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo
from display.composite_reader import CompositeReader, CompositeSource
from display.meter import Meter
from display.presenter import Presenter
from display.relay_reader import RelayClock, RelayReader
from display.sinks.sink import UnattendedSink

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


def test_the_last_picture_of_a_relay_is_marked_and_then_blanked(clock: list[float]) -> None:
    sink = Sink()
    presenter = Presenter(sink, RelayReader.__new__(RelayReader))
    presenter.show(MESSAGE, PICTURE.copy())
    for _ in range(30):
        clock[0] += 0.1
        presenter.check_timeout()
    assert sink.did == ["picture", "picture", RelayReader.silent_text]
    assert sink.last.mean() < PICTURE.mean() * 0.6, "the picture that is marked is dimmed"


def test_the_last_picture_of_a_call_is_blanked_without_a_mark(clock: list[float]) -> None:
    sink = Sink()
    presenter = Presenter(sink, CompositeReader.__new__(CompositeReader))
    presenter.show(MESSAGE, PICTURE.copy())
    clock[0] += 0.55
    presenter.check_timeout()
    assert sink.did == ["picture", CompositeReader.silent_text]


def shown_each(period_s: float, times: int, reader: type[CompositeSource], clock: list[float]) -> Sink:
    """Show composites that come after so many seconds each, and then one of the last frame again; none comes after that."""
    sink = Sink()
    presenter = Presenter(sink, reader.__new__(reader))
    for number in [*range(times), times - 1]:
        frame = replace(MESSAGE.frame, frame_id=number, captured_ns=round(number * period_s * 1e9))
        presenter.show(replace(MESSAGE, frame=frame), PICTURE.copy())
        if number < times - 1:
            clock[0] += period_s
    sink.did.clear()
    for _ in range(200):
        clock[0] += 0.05
        presenter.check_timeout()
        if sink.did:
            clock.append(clock[0])
            break
    return sink


@pytest.mark.parametrize(
    ("period_s", "times", "after_s"), [(0.033, 9, 0.5), (1.0, 2, 3.0), (2.0, 3, 6.0), (2.5, 3, 0.5), (1.0, 1, 0.5)]
)
def test_a_picture_of_a_slow_source_stands_for_three_periods(
    period_s: float, times: int, after_s: float, clock: list[float]
) -> None:
    sink = shown_each(period_s, times, CompositeReader, clock)
    assert sink.did == [CompositeReader.silent_text]
    assert clock[1] - 100 - period_s * (times - 1) == pytest.approx(after_s + 0.05, abs=0.051)


@pytest.mark.parametrize(("period_s", "after_s"), [(0.033, 0.5), (1.0, 2.0)])
def test_a_picture_of_a_slow_relay_is_marked_after_two_periods(
    period_s: float, after_s: float, clock: list[float]
) -> None:
    sink = shown_each(period_s, 4, RelayReader, clock)
    assert sink.did == ["picture"] and sink.last.mean() < PICTURE.mean() * 0.6
    assert clock[1] - 100 - period_s * 3 == pytest.approx(after_s + 0.05, abs=0.051)


def test_a_lost_source_blanks_the_sink_for_good(clock: list[float]) -> None:
    sink = Sink()
    presenter = Presenter(sink, RelayReader.__new__(RelayReader))
    presenter.show(MESSAGE, PICTURE.copy())
    presenter.source_lost(RelayReader.gone_text)
    clock[0] += 1
    presenter.check_timeout()
    assert sink.did == ["picture", RelayReader.gone_text]


def test_the_delay_is_measured_against_the_fastest_picture() -> None:
    clock = RelayClock()
    ahead = [clock.arrived(sent, sent + 10**12 + took) for sent, took in ((0, 5), (10, 3), (20, 90), (30, 4))]
    assert ahead == [10**12 + 5, 10**12 + 3, 10**12 + 3, 10**12 + 3]
    late = 60 * 10**9
    assert clock.arrived(late, late + 10**12 + 7) == 10**12 + 7, "clocks drift: old pictures do not count"
    clock.restart()
    assert clock.arrived(late, late + 5) == 5
