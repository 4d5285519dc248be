"""Films are played at their own times, and go on where decoding is slower than that."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from capture.sources import clock as clock_module
from capture.sources import paced
from capture.sources.container import DecodedFrame, VideoInput
from capture.sources.source import Source, SourceFrame
from capture.sources.video_file import open_file
from common.errors import SourceError, SourceLostError
from tests.capture.sources.clocks import FakeTime
from tests.capture.sources.films import NUMBERS, evenly, number_of, seconds_of, write_film

SECOND_NS = 10**9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    for module in (paced, clock_module):
        monkeypatch.setattr(module, "time", fake)
    return fake


@pytest.fixture
def slow_decoder(clock: FakeTime, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make each decoding take so many seconds; the list holds the one number."""
    cost_s = [0.0]
    plain = VideoInput.next_frame

    def next_frame(video: VideoInput) -> DecodedFrame | None:
        clock.sleep(cost_s[0])
        return plain(video)

    monkeypatch.setattr(VideoInput, "next_frame", next_frame)
    return cost_s


def read(source: Source, count: int, clock: FakeTime) -> list[SourceFrame]:
    frames: list[SourceFrame] = []
    while len(frames) < count and (frame := source.read()) is not None:
        assert frame.captured_ns <= clock.now_ns, "none comes before its time"
        frames.append(frame)
    return frames


def read_for(source: Source, clock: FakeTime, seconds: float) -> list[SourceFrame]:
    end_ns, frames = clock.now_ns + round(seconds * SECOND_NS), list[SourceFrame]()
    while clock.now_ns < end_ns and (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def longest_gap(frames: list[SourceFrame]) -> float:
    times = seconds_of(frames)
    return max(later - earlier for earlier, later in pairwise(times))


@pytest.mark.parametrize(
    "times_s",
    [
        [*(0.2 * n for n in range(10)), *(2 + n / 30 for n in range(15))],  # 5 a second, then 30, as phones record
        evenly(6, 0.5),
        evenly(6, 1.33),
        evenly(25, 240),
        [0.0, 0.1, 0.2, 4.0, 4.1],  # a recording of a screen, of which nothing changed for a while
    ],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_pictures_come_at_their_own_times(times_s: list[float], name: str, tmp_path: Path, clock: FakeTime) -> None:
    frames = read(open_file(write_film(tmp_path / name, times_s), once=True), 99, clock)
    assert [frame.source_index for frame in frames] == list(range(len(times_s)))
    assert [number_of(frame.picture) for frame in frames] == list(range(len(times_s)))
    assert seconds_of(frames) == pytest.approx(times_s, abs=0.002)


@pytest.mark.parametrize("rate", [0.4, 0.1])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_film_that_is_too_slow_is_refused_in_one_line(rate: float, name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=rf"at least one picture in 2 s, got one in {1 / rate:.1f} s") as error:
        open_file(write_film(tmp_path / name, evenly(6, rate)), once=True)
    assert "\n" not in str(error.value)


def test_a_loop_counts_on_and_keeps_its_pace(tmp_path: Path, clock: FakeTime) -> None:
    frames = read(open_file(write_film(tmp_path / "a.mp4", evenly(6, 10)), once=False), 20, clock)
    assert [frame.source_index for frame in frames] == list(range(20))
    assert [number_of(frame.picture) for frame in frames] == [number % 6 for number in range(20)]
    assert seconds_of(frames) == pytest.approx(evenly(20, 10), abs=0.002)


@pytest.mark.parametrize(("rate", "share"), [(60, 0.9), (60, 1.1), (60, 3.0), (240, 3.0)])
def test_a_film_that_decodes_too_slowly_jumps_and_keeps_its_pace(
    rate: int, share: float, tmp_path: Path, clock: FakeTime, slow_decoder: list[float]
) -> None:
    path = write_film(tmp_path / "a.mp4", evenly(rate * 4, rate), key_every=rate, options={"sc_threshold": "0"})
    source = open_file(path, once=False)
    slow_decoder[0] = share / rate
    frames = read_for(source, clock, 10)
    assert longest_gap(frames) < 1
    assert all(number_of(frame.picture) == frame.source_index % (rate * 4) % NUMBERS for frame in frames)
    ahead_s = [frame.source_index / rate - time_s for frame, time_s in zip(frames, seconds_of(frames), strict=True)]
    assert max(ahead_s) < 0.1
    assert min(ahead_s) > -3, "at the end of the film there is no key frame to jump to"
    assert all(later.captured_ns > earlier.captured_ns for earlier, later in pairwise(frames))


def test_a_slow_film_without_key_frames_runs_slower_but_goes_on(
    tmp_path: Path, clock: FakeTime, slow_decoder: list[float]
) -> None:
    source = open_file(write_film(tmp_path / "a.mp4", evenly(120, 60), options={"sc_threshold": "0"}), once=False)
    slow_decoder[0] = 5 / 60
    frames = read_for(source, clock, 30)
    assert longest_gap(frames) < 1
    assert frames[-1].source_index > 300, "it shows all of the film, again and again"
    assert all(number_of(frame.picture) == frame.source_index % 120 % NUMBERS for frame in frames)
    captured = [frame.captured_ns for frame in frames]
    assert captured == sorted(set(captured))


def held() -> tuple[int, int]:
    """How many threads and open files this process has."""
    tasks, files = (len(list(Path("/proc/self", what).iterdir())) for what in ("task", "fd"))
    return tasks, files


def test_a_looped_film_keeps_nothing_open(tmp_path: Path, clock: FakeTime) -> None:
    source = open_file(write_film(tmp_path / "a.mp4", evenly(3, 30)), once=False)
    read(source, 6, clock)
    before = held()
    read(source, 30, clock)
    assert held() == before


def test_a_film_that_is_lost_while_it_is_opened_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def period_s(video: VideoInput) -> float:
        raise SourceLostError("nothing more came")

    monkeypatch.setattr(VideoInput, "period_s", period_s)
    path = write_film(tmp_path / "a.mp4", evenly(3, 30))
    before = held()
    with pytest.raises(SourceLostError):
        open_file(path, once=False)
    assert held() == before
