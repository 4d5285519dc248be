from __future__ import annotations

from pathlib import Path

from common.metrics.metrics import Metrics, path_of
from display.virtual_cameras import LOOPBACK, PIPEWIRE, VirtualCamera, to_choose, virtual_cameras, where_to_choose

OBS = VirtualCamera(LOOPBACK, "/dev/video9", "OBS Virtual Camera", is_fed=False)
ONLYME = VirtualCamera(LOOPBACK, "/dev/video10", "onlyme", is_fed=False)
NODE = VirtualCamera(PIPEWIRE, "my camera", "my camera", is_fed=True)


def listed(folder: Path) -> Path:
    """A folder as that in which the kernel lists virtual cameras."""
    for device, name in {"video10": "onlyme\n", "video9": "OBS Virtual Camera\n", "other": "x\n"}.items():
        (folder / device).mkdir(parents=True)
        (folder / device / "name").write_text(name)
    (folder / "video11").mkdir()  # just removed
    return folder


def test_virtual_cameras_are_named_in_the_order_of_their_numbers(tmp_path: Path, run_dir: Path) -> None:
    assert virtual_cameras(run_dir, listed(tmp_path / "sys")) == [OBS, ONLYME]


def test_a_machine_without_any_has_none(tmp_path: Path, run_dir: Path) -> None:
    assert virtual_cameras(run_dir, tmp_path / "none") == []
    assert to_choose([]) is None


def test_cameras_that_this_call_sends_to_are_known_while_it_does(tmp_path: Path, run_dir: Path) -> None:
    display = Metrics()
    display.set("camera", 1, kind=PIPEWIRE, device="my camera")
    display.set("camera", 1, kind=LOOPBACK, device="/dev/video9")
    display.set("camera", 0, kind=PIPEWIRE, device="before")
    display.flush(path_of(run_dir, "display.1"))
    folder = listed(tmp_path / "sys")
    assert virtual_cameras(run_dir, folder) == [OBS._replace(is_fed=True), ONLYME, NODE]
    del display  # as where the process was killed
    assert virtual_cameras(run_dir, folder) == [OBS, ONLYME]


def test_the_camera_to_choose_is_one_that_this_call_sends_to() -> None:
    assert to_choose([OBS, ONLYME]) == ONLYME
    assert to_choose([OBS]) == OBS
    assert to_choose([OBS, ONLYME, NODE]) == NODE
    assert to_choose([OBS._replace(is_fed=True), ONLYME, NODE]) == OBS._replace(is_fed=True)


def test_every_program_is_told_where_to_choose_which_camera() -> None:
    for kind in (LOOPBACK, PIPEWIRE):
        said = where_to_choose(kind, "my {camera}")
        assert {"Zoom", "Meet", "Teams", "OBS"} <= said.keys() and "my {camera}" in said["OBS"]
    said = where_to_choose(PIPEWIRE, "mine")
    assert "v4l2loopback" in said["Zoom"], "it reads no camera from PipeWire"
    assert {"Firefox", "Chromium"} <= said.keys(), "neither does so by itself"
