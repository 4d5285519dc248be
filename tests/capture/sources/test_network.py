"""Network cameras and films on a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from capture.sources import clock as clock_module
from capture.sources import container, network, paced
from capture.sources.container import DecodedFrame, VideoInput
from capture.sources.network import StreamSource, open_address, origin_of
from capture.sources.paced import PacedSource
from capture.sources.source import READ_TIMEOUT_S, Source, SourceFrame
from common.errors import SourceError, SourceLostError
from tests.capture.camera import jpeg_of, network_camera
from tests.capture.sources.clocks import FakeTime
from tests.capture.sources.films import NUMBERS, evenly, number_of, picture_of, seconds_of, write_film
from tests.capture.sources.servers import serve_folder, serve_live_playlist, serve_stream
from tests.capture.sources.test_files import read_all

TS = "video/mp2t"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    for module in (paced, network, clock_module):
        monkeypatch.setattr(module, "time", fake)
    return fake


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_a_film_on_a_server_keeps_its_pace_and_begins_again(name: str, tmp_path: Path, clock: FakeTime) -> None:
    film = write_film(tmp_path / name, evenly(12, 10), options={"movflags": "+faststart"} if name == "a.mp4" else None)
    with serve_folder(film.parent) as address:
        frames = read_all(open_address(f"{address}/{name}", once=False), 30)
        once = read_all(open_address(f"{address}/{name}", once=True), 99)
    assert [number_of(frame.picture) for frame in frames] == [number % 12 for number in range(30)]
    assert seconds_of(frames) == pytest.approx(evenly(30, 10), abs=0.002)
    assert len(once) == 12


def test_a_pause_in_a_film_on_a_server_is_not_taken_for_silence(
    tmp_path: Path, clock: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "time", clock)
    monkeypatch.setattr(container, "LONGEST_READ_S", 5.0)
    times_s = [*evenly(20, 10), *(9 + time_s for time_s in evenly(40, 10))]
    write_film(tmp_path / "a.mkv", times_s, options={"tune": "zerolatency"})
    with serve_folder(tmp_path) as address:
        frames = read_all(open_address(f"{address}/a.mkv", once=True), 99)
    assert seconds_of(frames) == pytest.approx(times_s, abs=0.002)


def test_a_recorded_playlist_is_a_film(tmp_path: Path, clock: FakeTime) -> None:
    write_film(tmp_path / "a.m3u8", evenly(30, 10), format="hls", key_every=10, options={"hls_time": "1"})
    with serve_folder(tmp_path) as address:
        source = open_address(f"{address}/a.m3u8", once=True)
        frames = read_all(source, 99)
    assert isinstance(source, PacedSource)
    assert [number_of(frame.picture) for frame in frames] == list(range(30))
    assert seconds_of(frames) == pytest.approx(evenly(30, 10), abs=0.002)


def parts_of(folder: Path, times_s: list[float], key_every: int) -> list[Path]:
    """Write a film in parts, each of which begins with a key frame; their timestamps go on from one to the next."""
    film = write_film(folder / "whole.ts", times_s, key_every=key_every, options={"sc_threshold": "0"})
    found: list[av.container.OutputContainer] = []
    with av.open(str(film)) as file:
        for packet in file.demux(video=0):
            if packet.is_keyframe:
                found.append(av.open(str(folder / f"part{len(found)}.ts"), mode="w"))
                found[-1].add_stream_from_template(file.streams.video[0])
            if packet.size:
                packet.stream = found[-1].streams.video[0]
                found[-1].mux(packet)
    for part in found:
        part.close()
    return [folder / f"part{number}.ts" for number in range(len(found))]


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Seven parts of a second each."""
    return parts_of(tmp_path, evenly(70, 10), key_every=10)


def test_a_live_playlist_keeps_its_pace_between_its_parts(parts: list[Path], clock: FakeTime) -> None:
    """Its parts come at once, and then nothing comes for as long as the next part takes."""
    with serve_live_playlist(parts, part_s=1.0) as address:
        source = open_address(address, once=False)
        frames = read_all(source, 45)
    assert len(parts) == 7
    assert [number_of(frame.picture) for frame in frames] == [number % NUMBERS for number in range(45)]
    assert seconds_of(frames) == pytest.approx(evenly(45, 10), abs=0.01)


def test_a_live_playlist_that_was_late_goes_on_at_its_pace(
    parts: list[Path], clock: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it hurried to make up for the time, it would have nothing to show before the next part comes."""
    plain = VideoInput.next_frame

    def next_frame(video: VideoInput) -> DecodedFrame | None:
        decoded = plain(video)
        if decoded is not None and decoded.number == 20:
            clock.sleep(3)
        return decoded

    monkeypatch.setattr(VideoInput, "next_frame", next_frame)
    with serve_live_playlist(parts, part_s=1.0) as address:
        frames = read_all(open_address(address, once=False), 45)
    assert [number_of(frame.picture) for frame in frames] == [number % NUMBERS for number in range(45)]
    assert seconds_of(frames[20:]) == pytest.approx(evenly(25, 10), abs=0.01)


@pytest.mark.parametrize(("rate", "is_read"), [(0.5, True), (0.2, False)])
def test_a_live_playlist_must_not_be_too_slow(rate: float, is_read: bool, tmp_path: Path, clock: FakeTime) -> None:
    """Only the timestamps say how slow it is. Its parts come sooner here, and do not end before FFmpeg has seen enough of them."""
    slow = parts_of(tmp_path, evenly(8, rate), key_every=1)
    with serve_live_playlist(slow, part_s=0.5) as address:
        if is_read:
            assert seconds_of(read_all(open_address(address, once=False), 3)) == pytest.approx([0, 2, 4], abs=0.01)
            return
        with pytest.raises(SourceError, match=r"got one in 5\.0 s"):
            open_address(address, once=False)


def still_stream(folder: Path, count: int = 60) -> bytes:
    """A transport stream of 25 pictures a second of one and the same scene."""
    path = folder / "still.ts"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(count):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture_of(3, (64, 48)), "bgr24")))
        file.mux(stream.encode(None))
    return path.read_bytes()


def read_in_time(source: Source, clock: FakeTime, period_s: float) -> Iterator[SourceFrame]:
    """Read as if each picture came when it was taken."""
    while (frame := source.read()) is not None:
        yield frame
        clock.sleep(period_s)


def test_a_scene_that_stands_still_is_not_lost_while_its_timestamps_advance(tmp_path: Path, clock: FakeTime) -> None:
    frames: list[SourceFrame] = []
    with serve_stream(still_stream(tmp_path), TS) as address:
        source = open_address(address, once=False)
        assert isinstance(source, StreamSource)
        with pytest.raises(SourceLostError, match="stopped delivering"):
            for frame in read_in_time(source, clock, 1 / 25):
                frames.append(frame)
    assert len(frames) == 60, "it goes on until the server hangs up"
    assert np.array_equal(frames[-1].picture, frames[-40].picture), "these are the same to the last bit"


def test_a_camera_that_repeats_a_jpeg_is_lost(clock: FakeTime) -> None:
    with network_camera() as camera:
        source = open_address(camera.address, once=False)
        camera.mode = "still"
        with pytest.raises(SourceLostError, match="the network camera delivers the same picture again and again"):
            for _ in read_in_time(source, clock, 0.2):
                pass


def test_pictures_change_their_size_within_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures are grey: one that was sheared, or made of another's rows, would hold the corner elsewhere."""
    sizes = [(160, 120), (320, 240), (160, 120), (120, 160)]
    with network_camera() as camera:
        camera.period_s = 0.005
        monkeypatch.setattr(camera, "picture", lambda number: jpeg_of(picture_of(number, camera.size_wh)))
        source = open_address(camera.address, once=False)
        for size_wh in sizes:
            camera.size_wh = size_wh
            frames = read_all(source, 30)
            assert {frame.picture.shape[1::-1] for frame in frames[20:]} == {size_wh}
            for frame in frames[20:]:
                expected = picture_of(number_of(frame.picture), size_wh)
                assert np.abs(frame.picture.astype(int) - expected).mean() < 12
        assert camera.opened == 1


def test_a_stream_that_says_nothing_more_is_lost_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "LONGEST_READ_S", 0.5)
    with serve_stream(still_stream(tmp_path, 20), TS, stalls=True) as address:
        source = open_address(f"{address}/SECRET?pwd=SECRET", once=False)
        with pytest.raises(SourceLostError, match="the network camera stopped delivering: no answer in time") as error:
            read_all(source, 99)
    assert "SECRET" not in str(error.value)


def test_a_silent_stream_is_noticed_two_seconds_after_a_picture_was_due(tmp_path: Path, clock: FakeTime) -> None:
    with serve_stream(still_stream(tmp_path), TS) as address:
        source = open_address(address, once=False)
        frames = read_in_time(source, clock, 1 / 25)
        assert source.read_timeout_s > 2 * READ_TIMEOUT_S, "it may turn out to be slow"
        for _ in range(5):
            next(frames)
        assert source.read_timeout_s == pytest.approx(READ_TIMEOUT_S + 1 / 25)


def slow_stream(folder: Path, rate: float) -> bytes:
    return write_film(folder / "slow.ts", evenly(8, rate), options={"tune": "zerolatency"}).read_bytes()


@pytest.mark.parametrize("rate", [0.5, 1.0, 1.33])
def test_a_stream_of_few_pictures_a_second_is_read(rate: float, tmp_path: Path, clock: FakeTime) -> None:
    with serve_stream(slow_stream(tmp_path, rate), TS) as address:
        source = open_address(address, once=False)
        frames = read_in_time(source, clock, 1 / rate)
        taken = [next(frames) for _ in range(6)]
    assert seconds_of(taken) == pytest.approx(evenly(6, rate))
    assert source.read_timeout_s == pytest.approx(READ_TIMEOUT_S + 1 / rate, abs=0.01)


def test_a_stream_that_is_too_slow_is_refused_in_one_line(tmp_path: Path, clock: FakeTime) -> None:
    with serve_stream(slow_stream(tmp_path, 0.2), TS) as address:
        source = open_address(f"{address}/SECRET", once=False)
        with pytest.raises(
            SourceError, match=r"at least one picture in 2 s, got one in 5\.0 s from http://127"
        ) as error:
            for _ in read_in_time(source, clock, 5):
                pass
    assert "SECRET" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("silent_s", "kind"), [(10.0, SourceError), (0.1, SourceLostError)])
def test_a_stream_that_breaks_after_its_first_picture_is_not_taken_for_a_slow_one(
    silent_s: float, kind: type[Exception], tmp_path: Path, clock: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(video: VideoInput) -> DecodedFrame | None:
        clock.sleep(silent_s)
        raise SourceLostError("the network camera stopped delivering")

    with serve_stream(slow_stream(tmp_path, 0.5), TS) as address:
        source = open_address(address, once=False)
        assert source.read() is not None
        monkeypatch.setattr(VideoInput, "next_frame", lost)
        with pytest.raises(kind):
            source.read()


def test_a_stream_that_becomes_slow_is_not_refused(tmp_path: Path, clock: FakeTime) -> None:
    with serve_stream(slow_stream(tmp_path, 0.2), TS) as address:
        source = open_address(address, once=False, is_first=False)
        with pytest.raises(SourceLostError):
            for _ in read_in_time(source, clock, 5):
                pass


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://127.0.0.1:9/SECRET?pwd=SECRET", r"http://127.0.0.1, got none that delivers \(Connection refused\)"),
        ("rtsp://USER:SECRET@127.0.0.1:9/SECRET", r"rtsp://127.0.0.1, got none that delivers \(Connection refused\)"),
        ("rtmp://USER:SECRET@127.0.0.1/SECRET", "got one of rtmp"),
    ],
)
def test_an_address_that_cannot_be_opened_is_refused_without_its_secrets(address: str, says: str) -> None:
    with pytest.raises(SourceError, match=says) as error:
        open_address(address, once=False)
    assert not any(secret in str(error.value) for secret in ("USER", "SECRET"))
    is_alone = error.value.__context__ is None or error.value.__suppress_context__
    assert is_alone, "FFmpeg's own error holds the address, and would be printed with it"


SECRETS = ("USER", "SECRET", "PATH", "QUERY")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://192.168.1.9/PATH", "rtsp://192.168.1.9"),
        ("rtsp://USER:SECRET@cam.lan:554/PATH?QUERY=1", "rtsp://cam.lan"),
        ("http://USER:p@SECRET@127.0.0.1:8080/PATH.mjpg?user=USER&pwd=SECRET", "http://127.0.0.1"),
        ("http://cam.lan?pwd=SECRET", "http://cam.lan"),
        ("http://cam.lan#SECRET", "http://cam.lan"),
        ("https://USER:SECRET@[fe80::1]:80/PATH", "https://[fe80::1]"),
        ("https://USER:SECRET@[fe80::1", "https://..."),
        ("rtsp://USER:SEC/SECRET@cam.lan/PATH", "rtsp://..."),
        ("rtsp://USER:SEC#SECRET@cam.lan/PATH", "rtsp://..."),
        ("rtsp://USER:SEC?SECRET@cam.lan/PATH", "rtsp://..."),
        ("http://cam.lan/PATH?mail=USER@SECRET", "http://..."),
        ("rtsp:///PATH", "rtsp://..."),
    ],
)
def test_only_scheme_and_host_of_an_address_are_logged(address: str, shown: str) -> None:
    assert origin_of(address) == shown
    assert not any(secret.lower() in shown for secret in SECRETS)
