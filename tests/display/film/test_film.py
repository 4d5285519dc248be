"""Films of small recordings that were made with PyAV: both files are decoded and compared."""

from __future__ import annotations

import logging
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from common.errors import DisplayError
from tests.capture.sources.films import STEP, blue_corner
from tests.display.film.recordings import (
    MS,
    Sound,
    Subtitles,
    Track,
    film_of,
    pictures_of,
    stamps_of,
    tracks_of,
    write_recording,
)
from tests.shared import ROOT

if TYPE_CHECKING:
    from av.container.core import Chapter

NTSC = Fraction(1, 30_000)
EVEN = [1001 * number for number in range(20)]
BT601, BT709, BT2020 = 6, 1, 9  # matrices and primaries
PQ = 16  # transfer
LIMITED, FULL = 1, 2  # ranges
UNEVEN = [0, 7, 1001, 1500, 1501, 4000, 4444, 9001, 9002, 30_007, 30_500, 31_999, 60_001]


def end_of(path: Path) -> float:
    """Return when a file is over, in seconds."""
    with av.open(str(path)) as file:
        return ((file.start_time or 0) + (file.duration or 0)) / av.time_base


def video_of(path: Path) -> tuple[str, str, int, int, int, int]:
    """Return codec, pixel format, range, matrix, primaries and transfer of a file."""
    with av.open(str(path)) as file:
        codec = file.streams.video[0].codec_context
        pix_fmt = (codec.pix_fmt or "").replace("yuvj", "yuv")  # FFmpeg's older name of the full range
        # a stream of H.264 does not say that its range is the usual one where it says nothing of its colours
        return (
            codec.name, pix_fmt, codec.color_range or LIMITED, codec.colorspace, codec.color_primaries, codec.color_trc,
        )  # fmt: skip


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def assert_same_pictures(film: Path, recording: Path) -> None:
    """From one picture of the recording to the next, its grey differs by `STEP`."""
    means = [[float(picture[20:, 20:].mean()) for picture in pictures_of(path)] for path in (film, recording)]
    assert means[0] == pytest.approx(means[1], abs=STEP * 0.45)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("begin", [0, 11, 40_007])
@pytest.mark.parametrize("stamps", [EVEN, UNEVEN, [0]], ids=["even", "uneven", "one picture"])
def test_the_time_stamps_are_those_of_the_recording(suffix: str, begin: int, stamps: list[int], tmp_path: Path) -> None:
    """The header of MP4 counts in milliseconds unless it is told otherwise: a film that began later was up to 0.5 ms off."""
    recording = write_recording(
        tmp_path / "recording.mp4", [begin + stamp for stamp in stamps], NTSC, tracks=[Sound()], last_duration=7007
    )
    film = film_of(recording, tmp_path / f"film{suffix}")
    assert stamps_of(film) == [(begin + stamp) * NTSC for stamp in stamps]
    assert end_of(film) == pytest.approx(end_of(recording), abs=1e-3)
    assert_same_pictures(film, recording)


@pytest.mark.parametrize(("of", "to"), [(".mkv", ".mp4"), (".mkv", ".mkv"), (".mp4", ".mkv"), (".ts", ".mp4")])
def test_time_stamps_are_kept_from_one_container_to_another(of: str, to: str, tmp_path: Path) -> None:
    recording = write_recording(tmp_path / f"recording{of}", [30 * s for s in UNEVEN[:9]], NTSC, last_duration=7007)
    want, got = stamps_of(recording), stamps_of(film_of(recording, tmp_path / f"film{to}"))
    assert len(got) == 9
    finest = MS / 2 if to == ".mkv" and of != ".mkv" else 0  # Matroska counts in milliseconds
    assert max(abs(a - b) for a, b in zip(got, want, strict=True)) <= finest
    if of != ".ts":  # which does not say how long a picture stands
        assert end_of(tmp_path / f"film{to}") == pytest.approx(end_of(recording), abs=1.1e-3)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_recording_that_begins_before_0_begins_at_0_with_its_sound(
    suffix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No player shows what is before 0: MP4 cuts it off."""
    caplog.set_level(logging.INFO)
    recording = write_recording(
        tmp_path / "recording.ts", [stamp - 15_000 for stamp in EVEN], NTSC, tracks=[Sound("libmp3lame")]
    )
    want = stamps_of(recording)
    assert want[0] == Fraction(-1, 2)
    film = film_of(recording, tmp_path / f"film{suffix}")
    finest = MS / 2 if suffix == ".mkv" else 0
    assert max(abs(got - stamp - Fraction(1, 2)) for got, stamp in zip(stamps_of(film), want, strict=True)) <= finest
    [track], [original] = tracks_of(film), tracks_of(recording)
    assert track.payloads == original.payloads
    assert [float(stamp) - 0.5 for stamp in track.stamps] == pytest.approx(list(map(float, original.stamps)), abs=6e-4)
    assert "the film is 0.500 s later than the recording, which begins before 0" in caplog.messages


def assert_copied(film: list[Track], recording: list[Track]) -> None:
    assert len(film) == len(recording) > 0
    for got, want in zip(film, recording, strict=True):
        assert (got.codec, got.payloads) == (want.codec, want.payloads)
        assert len(got.payloads) > 1
        # a container counts in samples or in milliseconds, and both are rounded
        assert [float(s) for s in got.stamps] == pytest.approx([float(s) for s in want.stamps], abs=1e-3)


@pytest.mark.parametrize(
    ("of", "to", "tracks"),
    [
        (".mp4", ".mp4", [Sound("aac")]),
        (".mp4", ".mov", [Sound("aac", rate=44_100)]),
        (".mp4", ".mkv", [Sound("aac"), Sound("libmp3lame", rate=44_100)]),
        (".mkv", ".mp4", [Sound("libopus"), Sound("aac")]),
        (".mkv", ".mkv", [Sound("libopus")]),
        (".mkv", ".mkv", [Sound("flac"), Subtitles("subrip", ((0.1, 0.3), (0.1, 0.2), (0.4, 0.6)))]),
        (".mov", ".mov", [Sound("pcm_s16le")]),
        (".mov", ".mp4", [Sound("pcm_s16le"), Subtitles("mov_text")]),
        (".avi", ".mp4", [Sound("libmp3lame")]),
        (".mp4", ".mp4", [Subtitles("mov_text", ((0.1, 0.3), (0.3, 0.5)))]),
        (".mp4", ".mp4", [Sound("aac", begin_s=-0.3)]),
        (".mp4", ".mkv", [Sound("aac", begin_s=-0.3)]),
        (".mp4", ".mp4", [Sound("aac", begin_s=0.4), Sound("aac", begin_s=0.2, length_s=2)]),
        (".mkv", ".mkv", [Sound("aac", begin_s=2)]),
    ],
)
def test_sound_and_subtitles_are_copied_bit_for_bit(
    of: str, to: str, tracks: list[Sound | Subtitles], tmp_path: Path
) -> None:
    codec = "mpeg4" if of == ".avi" else "libx264"
    recording = write_recording(
        tmp_path / f"recording{of}", list(range(20)), Fraction(1, 25), tracks=tracks, codec=codec
    )
    film = film_of(recording, tmp_path / f"film{to}")
    assert_copied(tracks_of(film), tracks_of(recording))
    assert len(stamps_of(film)) == 20


def test_sound_lies_beside_its_pictures_in_the_file(tmp_path: Path) -> None:
    recording = write_recording(
        tmp_path / "recording.mp4", [3000 * number for number in range(150)], NTSC, tracks=[Sound(length_s=15)]
    )
    with av.open(str(film_of(recording, tmp_path / "film.mkv"))) as file:
        newest, furthest = {0: 0.0, 1: 0.0}, 0.0
        for packet in file.demux():
            if packet.size and packet.dts is not None:
                newest[packet.stream_index] = float(packet.dts * packet.time_base)
                furthest = max(furthest, abs(newest[0] - newest[1]))
    assert furthest < 1


def test_mute_leaves_out_sound_and_subtitles(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recording.mkv", EVEN, NTSC, tracks=[Sound(), Subtitles("subrip")])
    assert len(tracks_of(recording)) == 2
    film = film_of(recording, tmp_path / "film.mp4", sound="mute")
    assert (tracks_of(film), len(stamps_of(film))) == ([], 20)


GPS = "+48.2082+016.3738/"


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_place_device_and_titles_are_dropped_and_languages_kept_unless_metadata_is_kept(
    suffix: str, tmp_path: Path
) -> None:
    tracks = [Sound(metadata={"language": "ger", "title": "the neighbours"}), Sound(metadata={"language": "eng"})]
    said = {"title": "Grandmother", "location": GPS, "artist": "A phone"}
    recording = write_recording(tmp_path / f"recording{suffix}", EVEN, NTSC, tracks=tracks, metadata=said)
    chapter: Chapter = {"id": 1, "start": 0, "end": 300, "time_base": MS, "metadata": {"title": "At the doctor's"}}
    with av.open(str(recording)) as file, av.open(str(tmp_path / f"chapters{suffix}"), "w") as out:
        out.set_chapters([chapter])
        out.metadata.update(said)
        streams = {each.index: out.add_stream_from_template(each) for each in file.streams}
        for index, stream in streams.items():
            stream.metadata.update(file.streams[index].metadata)
        for packet in file.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    recording = tmp_path / f"chapters{suffix}"
    assert b"Grandmother" in recording.read_bytes() and b"doctor" in recording.read_bytes()
    dropped, kept = film_of(recording, tmp_path / f"dropped{suffix}"), tmp_path / f"kept{suffix}"
    film_of(recording, kept, metadata="keep")
    for text in (b"Grandmother", GPS.encode(), b"A phone", b"neighbours", b"doctor"):
        assert text not in dropped.read_bytes()
    with av.open(str(dropped)) as file:
        assert file.chapters() == []
        assert [each.language for each in file.streams.audio] == ["ger", "eng"]
    with av.open(str(kept)) as file:
        assert {name.lower(): text for name, text in file.metadata.items()}["title"] == "Grandmother"
        assert GPS in file.metadata.values()
        assert [each["metadata"]["title"] for each in file.chapters()] == ["At the doctor's"]
        assert [each.language for each in file.streams.audio] == ["ger", "eng"]


def test_other_pictures_are_not_copied_because_they_are_not_filtered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    recording = write_recording(tmp_path / "recording.mp4", EVEN, NTSC, cover=True)
    with av.open(str(recording)) as file:
        assert len(file.streams.video) == 2
    with av.open(str(film_of(recording, tmp_path / "film.mp4"))) as file:
        assert len(file.streams) == 1
    assert stamps_of(tmp_path / "film.mp4") == stamps_of(recording)
    assert "not in the film: track 1 (video, mjpeg)" in caplog.messages


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("matrix", "colour_range"),
    [(BT601, LIMITED), (BT709, LIMITED), (BT709, FULL), (BT601, FULL), (2, LIMITED), (BT2020, LIMITED)],
)
def test_colours_are_those_of_the_recording(suffix: str, matrix: int, colour_range: int, tmp_path: Path) -> None:
    """The planes are compared as they are stored, and what the file says of them."""
    transfer = PQ if matrix == BT2020 else matrix
    rng, size = np.random.default_rng(3), (128, 96)
    rows, columns = np.mgrid[0 : size[1], 0 : size[0]]
    pictures = [
        np.stack([128 + 100 * np.sin(columns / a + number) * np.cos(rows / b) for a, b in rng.uniform(15, 60, (3, 2))], -1)
        for number in range(3)
    ]  # fmt: skip
    recording = write_recording(
        tmp_path / "recording.mkv",
        [0, 40, 80],
        MS,
        size,
        pictures=[picture.astype(np.uint8) for picture in pictures],
        colours={"colorspace": matrix, "color_range": colour_range, "color_primaries": matrix, "color_trc": transfer},
    )
    film = film_of(recording, tmp_path / f"film{suffix}")
    assert video_of(film)[1:] == ("yuv420p", colour_range, matrix, matrix, transfer)
    assert video_of(recording)[2:] == video_of(film)[2:]
    for got, want in zip(planes_of(film), planes_of(recording), strict=True):
        assert [psnr(a, b) > 40 for a, b in zip(got, want, strict=True)] == [True] * 3
        assert max(abs(float(a.mean() - b.mean())) for a, b in zip(got, want, strict=True)) < 1.5  # of 255


GUARDED = """
import ctypes, mmap
import numpy as np
from display.film.colours import Colours, PictureConverter
width, height = 1460, 822
size = width * height * 3
pages = -(-size // mmap.PAGESIZE)
memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
begin = ctypes.addressof(ctypes.c_char.from_buffer(memory))
assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(begin + pages * mmap.PAGESIZE), mmap.PAGESIZE, 0) == 0
picture = np.frombuffer(memory, np.uint8, size, pages * mmap.PAGESIZE - size).reshape(height, width, 3)
PictureConverter(Colours(1, 1, 1, 1), "yuv420p").frame(picture)
"""


def test_nothing_is_read_behind_the_end_of_a_picture() -> None:
    """FFmpeg did, and at some sizes the display died. The page behind this one cannot be read."""
    subprocess.run([sys.executable, "-c", GUARDED], cwd=ROOT, check=True)


def planes_of(path: Path) -> list[list[np.ndarray]]:
    with av.open(str(path)) as file:
        return [
            [np.frombuffer(bytes(p), np.uint8).reshape(p.height, p.line_size)[:, : p.width].astype(float) for p in frame.planes]
            for frame in file.decode(video=0)
        ]  # fmt: skip


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv444p"])
def test_more_bits_and_finer_colours_become_8_bits_and_colours_of_half_the_size(pix_fmt: str, tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recording.mp4", EVEN, NTSC, pix_fmt=pix_fmt)
    film = film_of(recording, tmp_path / "film.mp4")
    assert video_of(film)[:2] == ("h264", "yuv420p")
    for got, want in zip(pictures_of(film), pictures_of(recording), strict=True):
        assert abs(got.astype(int) - want)[16:, 20:].max() < 6


def test_pictures_that_are_stored_as_rgb_become_bt709(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recording.mkv", EVEN, NTSC, codec="ffv1", pix_fmt="bgr0")
    film = film_of(recording, tmp_path / "film.mp4")
    assert video_of(film)[1:4] == ("yuv420p", LIMITED, BT709)
    for got, want in zip(pictures_of(film), pictures_of(recording), strict=True):
        assert abs(got.astype(int) - want)[16:, 20:].max() < 6


@pytest.mark.parametrize(
    ("size_wh", "codec", "pix_fmt"),
    [
        ((65, 48), "h264", "yuv444p"),
        ((64, 49), "h264", "yuv444p"),
        ((65, 49), "hevc", "yuv444p"),
        ((65, 49), "vp9", "yuv420p"),
        ((64, 48), "hevc", "yuv420p"),
    ],
)
def test_sizes_are_kept_odd_ones_too(size_wh: tuple[int, int], codec: str, pix_fmt: str, tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recording.mkv", EVEN, NTSC, size_wh, codec="ffv1", pix_fmt="yuv444p")
    film = film_of(recording, tmp_path / "film.mkv", codec=codec)
    assert (stamps_of(film), video_of(film)[:2]) == (stamps_of(recording), (codec, pix_fmt))
    assert {picture.shape for picture in pictures_of(film)} == {(size_wh[1], size_wh[0], 3)}
    assert_same_pictures(film, recording)


@pytest.mark.parametrize(
    ("how", "size_wh", "corner"),
    [
        ({"rotation": -90.0}, (48, 64), ("upper", "right")),  # as a phone that was held upright
        ({"rotation": 180.0}, (64, 48), ("lower", "right")),
        ({"aspect": Fraction(3, 2)}, (96, 48), ("upper", "left")),
    ],
)
def test_a_film_is_stored_upright_and_with_square_pixels(
    how: dict[str, Any], size_wh: tuple[int, int], corner: tuple[str, str], tmp_path: Path
) -> None:
    recording = write_recording(tmp_path / "recording.mp4", EVEN, NTSC, **how)
    film = film_of(recording, tmp_path / "film.mp4")
    with av.open(str(film)) as file:
        [frame, *_] = file.decode(video=0)
        assert isinstance(file.streams.video[0], VideoStream)
        assert (frame.width, frame.height, frame.rotation) == (*size_wh, 0)
        assert file.streams.video[0].sample_aspect_ratio in (None, 1)
    assert {blue_corner(picture) for picture in pictures_of(film)} == {corner}


def test_a_damaged_recording_is_written_as_far_as_it_can_be_read(tmp_path: Path) -> None:
    whole = write_recording(
        tmp_path / "whole.mkv", [1000 * number for number in range(60)], NTSC, tracks=[Sound(length_s=2)], codec="mpeg4"
    )
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    film = film_of(cut, tmp_path / "film.mp4")
    assert stamps_of(film) == stamps_of(cut)
    assert 10 < len(stamps_of(film)) < 60
    [got], [want], [all_of_it] = tracks_of(film), tracks_of(cut), tracks_of(whole)
    assert 10 < len(got.payloads) == len(want.payloads) < len(all_of_it.payloads)
    assert got.payloads == want.payloads


def test_the_same_pictures_make_the_same_bytes(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recording.mp4", EVEN, NTSC, tracks=[Sound()])
    for suffix in (".mp4", ".mkv"):
        first, second = (film_of(recording, tmp_path / f"{name}{suffix}") for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9"])
@pytest.mark.parametrize("stamps", [[0], [0, 1], [0, 1, 2], [0, 5000, 5001, 900_000]])
def test_few_pictures_and_strange_rates_suit_every_encoder(codec: str, stamps: list[int], tmp_path: Path) -> None:
    """x265 states any decoding time for two pictures, which .mp4 sometimes refuses."""
    recording = write_recording(tmp_path / "recording.mkv", stamps, MS)
    film = film_of(recording, tmp_path / "film.mp4", codec=codec)
    assert stamps_of(film) == stamps_of(recording)
    with av.open(str(film)) as file:
        lags = [
            packet.pts - packet.dts
            for packet in file.demux(video=0)
            if packet.pts is not None and packet.dts is not None
        ]
    assert max(lags) * MS < 10_000_000


def test_a_track_that_the_container_cannot_hold_is_named_with_what_to_do(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recording.mkv", EVEN, NTSC, tracks=[Sound(), Subtitles("subrip")])
    with pytest.raises(DisplayError) as caught:
        film_of(recording, tmp_path / "film.mp4")
    assert str(caught.value) == (
        "--out: expected a file that can hold track 2 (subtitles, srt) of the recording, got .mp4; name a file .mkv, or "
        "leave out sound and subtitles with --sound mute"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["recording.mkv"]
    opus = write_recording(tmp_path / "opus.mkv", EVEN, NTSC, tracks=[Sound("libopus")])
    with pytest.raises(DisplayError, match=r"hold track 1 \(sound, opus\) of the recording, got .mov; name a file .mp4 or .mkv"):  # fmt: skip
        film_of(opus, tmp_path / "film.mov")  # FFmpeg lists it as one that .mov holds


def test_a_codec_that_the_container_cannot_hold_is_refused(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recording.mkv", EVEN, NTSC, tracks=[Sound("libopus")])
    with pytest.raises(
        DisplayError, match=r"--codec: expected vp9, which .webm can hold, got h264; choose that, or name"
    ):
        film_of(recording, tmp_path / "film.webm")
    film = film_of(recording, tmp_path / "film.webm", codec="vp9")
    assert (video_of(film)[0], stamps_of(film)) == ("vp9", stamps_of(recording))
    assert_copied(tracks_of(film), tracks_of(recording))
