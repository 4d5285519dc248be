from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from capture import checks
from capture.checks import check_cameras, check_memory, check_virtual_camera
from capture.settings import CaptureSettings
from capture.v4l2 import Device, Mode
from common.findings import Level
from tests.call import read_until, start_call
from tests.segments import segments_of

ASKED = CaptureSettings(width=1280, height=720, fps=30)


def camera(*modes: Mode, output: bool = False) -> Device:
    return Device(Path("/dev/video0"), "Fake Cam", "uvcvideo", not output, output, list(modes))


def test_a_camera_without_the_wanted_size_and_rate_is_a_note() -> None:
    good, slow = Mode("MJPG", 1280, 720, (30.0,)), Mode("YUYV", 1280, 720, (10.0,))
    assert check_cameras([camera(slow, good)], ASKED).level is Level.OK
    assert "MJPG 1280 x 720 at 30" in check_cameras([camera(slow, good)], ASKED).found
    assert check_cameras([camera(slow)], ASKED).level is Level.NOTE
    assert "no 1280 x 720, but" in check_cameras([camera(Mode("MJPG", 640, 480, (30.0,)))], ASKED).found
    assert check_cameras([camera(output=True)], ASKED).found == "none", "a virtual camera is no camera"


def test_the_finding_names_the_other_sizes_and_rates_of_a_camera_the_largest_first() -> None:
    wanted, small, range_ = (
        Mode("MJPG", 1280, 720, (30.0,)), Mode("MJPG", 640, 360, (60.0, 30.0)), Mode("YUYV", 1920, 1080, (), True),
    )  # fmt: skip
    assert check_cameras([camera(small, wanted, range_)], ASKED).found == (
        "camera:0 Fake Cam: MJPG 1280 x 720 at 30, also YUYV up to 1920 x 1080, MJPG 640 x 360 at 60, 30"
    )
    many = [Mode("MJPG", 160 + n, 120, (30.0,)) for n in range(20)]
    found = check_cameras([camera(wanted, *many)], ASKED).found
    assert found.endswith(", 14 more in python -m capture --list")


def test_a_camera_in_use_is_named_with_the_program_that_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "holders_of_file", lambda path: "zoom (pid 7)")
    found = check_cameras([camera(Mode("MJPG", 1280, 720, (30.0,)))], ASKED).found
    assert found == "camera:0 Fake Cam (used by zoom (pid 7)): MJPG 1280 x 720 at 30"


def test_a_camera_that_this_user_may_not_open_is_told_from_none() -> None:
    finding = check_cameras([], CaptureSettings(source="/dev/video2"), [Path("/dev/video2")])
    assert (finding.level, finding.found) == (Level.FAIL, "camera:2: no permission to open it")
    assert "usermod -aG video" in finding.hint


def test_a_missing_camera_is_a_failure_if_it_was_named() -> None:
    assert check_cameras([], CaptureSettings()).level is Level.NOTE
    for source in ("camera:0", "0", "/dev/video0", "/dev/v4l/by-id/usb-Cam"):
        assert check_cameras([], CaptureSettings(source=source)).level is Level.FAIL


def test_a_missing_virtual_camera_is_a_note_that_says_how_to_get_one() -> None:
    assert check_virtual_camera([camera(output=True)]).level is Level.OK
    assert "v4l2loopback" in check_virtual_camera([camera()]).hint


@pytest.mark.parametrize(("free_mib", "level"), [(8449, Level.OK), (8447, Level.FAIL)])
def test_too_little_shared_memory_is_a_failure(
    free_mib: int, level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=free_mib * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    found = check_memory(CaptureSettings(width=16384, height=16384, fps=30), tmp_path)
    assert (found.level, "8448 needed" in found.found) == (level, True)


def test_the_memory_needed_is_what_a_call_takes(run_dir: Path, segments: None) -> None:
    settings = {"source": "demo", "width": 640, "height": 360, "sink": "headless", "status_every": 0.2}
    with start_call(settings, run_dir) as call:
        read_until(call, "display: live; ")
        taken = sum((Path("/dev/shm") / name).stat().st_size for name in segments_of(run_dir))
        call.terminate()
        call.communicate(timeout=10)
    needed = check_memory(CaptureSettings(width=640, height=360)).found
    assert f"{taken / 2**20:.0f} needed" in needed
