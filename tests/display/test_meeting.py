from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import ConfigError
from display.meeting import PROCFILE, SINKS, Camera, choose, loopback
from display.settings import DisplaySettings
from display.sinks.factory import MAKERS
from display.virtual_cameras import LOOPBACK, PIPEWIRE, where_to_choose
from tests.shared import ROOT


def device(tmp_path: Path, number: int, name: str) -> None:
    """A virtual device as the kernel lists it, and its device file."""
    listed = tmp_path / "sys" / f"video{number}"
    listed.mkdir(parents=True)
    (listed / "name").write_text(f"{name}\n")
    (tmp_path / f"video{number}").touch()


def test_the_virtual_camera_is_the_first_one_or_the_one_that_is_named(tmp_path: Path) -> None:
    device(tmp_path, 10, "other")
    device(tmp_path, 9, "onlyme")
    folders = tmp_path / "sys", tmp_path
    assert loopback("", *folders, has_library=True) == Camera("onlyme")
    assert loopback("/dev/video10", *folders, has_library=True) == Camera("other")


def test_what_is_missing_for_a_virtual_camera_is_said_with_what_to_do(tmp_path: Path) -> None:
    folders = tmp_path / "sys", tmp_path
    assert "apt-get install v4l2loopback-dkms" in loopback("", *folders, has_library=True).lacks
    device(tmp_path, 9, "onlyme")
    assert "/dev/video3" in loopback("/dev/video3", *folders, has_library=True).lacks
    assert "requirements-camera.txt" in loopback("", *folders, has_library=False).lacks
    (tmp_path / "video9").unlink()
    assert "usermod" in loopback("", *folders, has_library=True).lacks


def test_the_first_camera_that_is_there_is_chosen_unless_another_is_asked_for() -> None:
    both = {LOOPBACK: Camera("onlyme"), PIPEWIRE: Camera("onlyme")}
    assert choose(both, None) == LOOPBACK
    assert choose(both, PIPEWIRE) == PIPEWIRE
    assert choose({**both, LOOPBACK: Camera("", "none")}, None) == PIPEWIRE


@pytest.mark.parametrize("asked", [None, PIPEWIRE])
def test_without_a_camera_one_line_says_what_each_lacks(asked: str | None) -> None:
    neither = {LOOPBACK: Camera("", "load it"), PIPEWIRE: Camera("", "start it")}
    with pytest.raises(ConfigError, match="pipewire: start it") as caught:
        choose(neither, asked)
    assert ("load it" in str(caught.value)) == (asked is None)
    assert "\n" not in str(caught.value)


def test_the_call_is_that_of_the_procfile_with_the_page_beside_it() -> None:
    page = "page: exec python -m display --sink web\n"
    assert (ROOT / PROCFILE).read_text() == (ROOT / "Procfile").read_text() + page


def test_each_kind_has_a_sink_and_says_what_to_choose() -> None:
    assert set(SINKS.values()) <= set(MAKERS) and DisplaySettings(sink="camera").camera == ""
    assert all({"Zoom", "Meet", "Teams", "OBS"} <= where_to_choose(kind, "mine").keys() for kind in SINKS)
