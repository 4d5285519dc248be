from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from capture import cameras
from capture.cameras import camera_name, camera_node, difference, listing, why_unusable
from capture.v4l2 import Device, Mode
from tests.call import environment
from tests.shared import ROOT

GIVEN = (1280, 720, 30.0, "MJPG")


@pytest.mark.parametrize(
    ("source", "node"),
    [
        ("0", "video0"),
        ("camera:0", "video0"),
        ("camera:012", "video12"),
        ("{dev}/video3", "video3"),
        ("{dev}/v4l/by-id/usb-Cam", "v4l/by-id/usb-Cam"),
        ("0.mkv", None),
        ("camera:-1", None),
        ("camera:1000", None),
        ("./0", None),
        ("{dev}/shm/clip.mkv", None),
    ],
)
def test_cameras_are_named_as_people_name_them(source: str, node: str | None, tmp_path: Path) -> None:
    assert camera_node(source.format(dev=tmp_path), tmp_path) == (tmp_path / node if node else None)


def test_a_link_to_a_camera_is_called_by_the_number_that_the_camera_has(tmp_path: Path) -> None:
    (tmp_path / "usb-Cam").symlink_to("video4")
    assert camera_name(tmp_path / "usb-Cam") == "camera:4"
    (tmp_path / "usb-Other").symlink_to("nothing")
    assert camera_name(tmp_path / "usb-Other") == str(tmp_path / "usb-Other")


def test_a_missing_camera_names_those_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Device(tmp_path / "video2", "Fake Cam", "uvcvideo", True, False, [])
    monkeypatch.setattr(cameras, "devices", lambda folder: [there])
    assert why_unusable(tmp_path / "video0", tmp_path) == "none there; there is camera:2 (Fake Cam)"
    monkeypatch.setattr(cameras, "devices", lambda folder: [])
    assert why_unusable(tmp_path / "video0", tmp_path) == "none there; plug one in"


def test_a_camera_without_permission_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "video0").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may open everything
    assert "usermod -aG video" in why_unusable(tmp_path / "video0")
    assert listing(tmp_path) == f"camera:0  {cameras.NO_PERMISSION}; {cameras.TO_GET_PERMISSION}"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (GIVEN, ""),
        ((1280, 720, 29.97, "MJPG"), ""),
        ((1280, 720, 0.0, "unknown format"), ""),
        ((1280, 720, 25.0, "MJPG"), "asked for 1280 x 720 at 30 MJPG, given 1280 x 720 at 25 MJPG"),
        ((1280, 720, 30.0, "YUYV"), "asked for 1280 x 720 at 30 MJPG, given 1280 x 720 at 30 YUYV"),
        ((640, 480, 0.0, "unknown format"), "asked for 1280 x 720 at 30 MJPG, given 640 x 480 unknown format"),
    ],
)
def test_a_format_is_told_from_the_one_that_was_asked_for(given: tuple[int, int, float, str], says: str) -> None:
    assert difference(GIVEN, given) == says


def test_the_list_says_names_formats_sizes_and_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = [Mode("MJPG", 1280, 720, (30.0, 15.0)), Mode("MJPG", 640, 360, (30.0,)), Mode("YUYV", 640, 480, (), True)]
    node, link = tmp_path / "video0", tmp_path / "v4l" / "by-id" / "usb-Fake"
    node.touch()
    link.parent.mkdir(parents=True)
    link.symlink_to(node)
    metadata = Device(tmp_path / "video1", "Fake Cam", "uvcvideo", False, False, [])
    monkeypatch.setattr(
        cameras, "devices", lambda folder: [Device(node, "Fake Cam", "uvcvideo", True, False, modes), metadata]
    )
    assert listing(tmp_path).splitlines() == [
        "camera:0  Fake Cam (uvcvideo)", f"  {node}", f"  {link}",
        "  MJPG", "    1280 x 720 at 30, 15", "    640 x 360 at 30",
        "  YUYV", "    up to 640 x 480",
    ]  # fmt: skip
    monkeypatch.setattr(cameras, "devices", lambda folder: [])
    assert listing(tmp_path / "empty") == "no camera is here; plug one in"


def test_the_program_prints_the_list_and_ends(run_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "capture", "--list"], cwd=ROOT, env=environment({}, run_dir), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(("no camera is here", "camera:"))
