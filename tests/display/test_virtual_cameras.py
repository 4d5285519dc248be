from __future__ import annotations

from pathlib import Path

from display.virtual_cameras import virtual_cameras


def test_virtual_cameras_are_named_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for device, name in {"video10": "onlyme\n", "video9": "OBS Virtual Camera\n", "other": "x\n"}.items():
        (tmp_path / device).mkdir()
        (tmp_path / device / "name").write_text(name)
    (tmp_path / "video11").mkdir()  # just removed
    assert virtual_cameras(tmp_path) == [("/dev/video9", "OBS Virtual Camera"), ("/dev/video10", "onlyme")]


def test_a_machine_without_any_has_none(tmp_path: Path) -> None:
    assert virtual_cameras(tmp_path / "none") == []
