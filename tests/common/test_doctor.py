from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from common import doctor, model, v4l2
from common.config import CaptureSettings, InferSettings
from common.doctor import Finding, Level
from common.model import NOT_FETCHED, models_in
from common.runtime.child import sole_writer
from common.runtime.run_dir import open_run_dir
from tests.call import environment, read_until, start_call
from tests.processes.neighbours import child_of, end, stage, wait_for
from tests.segments import segments_of
from tests.shared import MASK_RCNN, ROOT

ASKED = CaptureSettings(width=1280, height=720, fps=30)


def camera(*modes: v4l2.Mode, output: bool = False) -> v4l2.Device:
    return v4l2.Device(Path("/dev/video0"), "Fake Cam", "uvcvideo", not output, output, list(modes))


def run(*flags: str, **settings: object) -> subprocess.CompletedProcess[str]:
    env = environment(settings, Path(tempfile.gettempdir(), f"onlyme-doctor-{os.getpid()}"))
    return subprocess.run(
        [sys.executable, "-m", "common.doctor", *flags], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def test_here_it_says_that_a_call_can_be_brought_up() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) < 25, "one screen"
    for what in ("Python", "processor", "settings", "OpenCV", "devices", "LiteRT", "model", "assets", "cameras", "screen", "shared memory", "leftovers",
                 "running call", "virtual camera"):  # fmt: skip
        assert sum(line[6:].startswith(what) for line in done.stdout.splitlines()) == 1


def test_json_says_the_same() -> None:
    told = json.loads(run("--json").stdout)
    assert told["fit"] is True
    assert {finding["level"] for finding in told["findings"]} <= {"ok", "note"}


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"kernel": 40}, "settings"),
        ({"mask_rcnn": "tests"}, "model"),
    ],
)
def test_what_prevents_a_call_is_a_failure(settings: dict[str, object], what: str) -> None:
    done = run("--json", **settings)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert {f["what"] for f in told["findings"] if f["level"] == "FAIL"} == {what}
    assert all(f["do"] for f in told["findings"] if f["level"] != "ok")


@pytest.mark.model
def test_another_model_is_fine_but_has_no_checksum() -> None:
    found = doctor.check_model(MASK_RCNN)
    assert found.level is Level.OK and "no checksum to compare" in found.found


def test_a_model_for_onnx_runtime_is_named_with_what_is_beside_it(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    (tmp_path / "old.pb").write_bytes(b"x")
    found = doctor.check_model(tmp_path)
    assert found.level is Level.OK
    assert "model.onnx" in found.found and "old.pb beside it is not used" in found.found
    (tmp_path / "other.onnx").write_bytes(b"x")
    assert doctor.check_model(tmp_path).level is Level.FAIL
    assert doctor.check_model(Path("none")).level is Level.OK


def test_a_device_that_is_not_here_prevents_a_call() -> None:
    assert doctor.check_devices("auto").level is Level.OK
    assert doctor.check_devices("cpu").found.endswith("cpu")
    found = doctor.check_devices("coreml")
    assert found.level is Level.FAIL and "ONLYME_DEVICE=auto" in found.do


def test_a_default_folder_without_weights_is_a_note() -> None:
    if not models_in(InferSettings().mask_rcnn):
        assert doctor.check_model(InferSettings().mask_rcnn).level is Level.NOTE


def test_it_says_why_a_first_start_fetched_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MODEL_FOLDER", tmp_path)
    assert "(" not in doctor.check_model(tmp_path).found
    (tmp_path / NOT_FETCHED).write_text("not here within 20 s\n")
    found = doctor.check_model(tmp_path)
    assert (found.level, found.do) == (Level.NOTE, "make model, or set ONLYME_MASK_RCNN")
    assert f"no Mask R-CNN in {tmp_path} (not here within 20 s): " in found.found


def test_a_camera_is_judged_by_what_is_asked_of_it() -> None:
    good, slow = v4l2.Mode("MJPG", 1280, 720, 30.0), v4l2.Mode("YUYV", 1280, 720, 10.0)
    assert doctor.check_cameras([camera(slow, good)], ASKED).level is Level.OK
    assert "MJPG 1280 x 720 at 30" in doctor.check_cameras([camera(slow, good)], ASKED).found
    assert doctor.check_cameras([camera(slow)], ASKED).level is Level.NOTE
    assert "no 1280 x 720, but" in doctor.check_cameras([camera(v4l2.Mode("MJPG", 640, 480, 30.0))], ASKED).found
    assert doctor.check_cameras([camera(output=True)], ASKED).found == "none", "a virtual camera is no camera"


def test_a_camera_that_was_named_must_be_there() -> None:
    assert doctor.check_cameras([], CaptureSettings()).level is Level.NOTE
    assert doctor.check_cameras([], CaptureSettings(source="camera:0")).level is Level.FAIL


def test_a_virtual_camera_is_found_or_told_how_to_get() -> None:
    assert doctor.check_virtual_camera([camera(output=True)]).level is Level.OK
    assert "v4l2loopback" in doctor.check_virtual_camera([camera()]).do


def test_too_little_shared_memory_prevents_a_call(tmp_path: Path) -> None:
    huge = CaptureSettings(width=16384, height=16384, fps=30)
    free = shutil.disk_usage(tmp_path).free
    found = doctor.check_memory(huge, tmp_path)
    assert found.level is (Level.FAIL if free < 11 * 16384 * 16384 * 3 else Level.OK)
    assert "8448 needed" in found.found


def test_as_much_shared_memory_is_asked_for_as_a_call_takes(run_dir: Path, segments: None) -> None:
    settings = {"source": "demo", "width": 640, "height": 360, "sink": "headless", "status_every": 0.2}
    with start_call(settings, run_dir) as call:
        read_until(call, ", live")
        taken = sum((Path("/dev/shm") / name).stat().st_size for name in segments_of(run_dir))
        call.terminate()
        call.communicate(timeout=60)
    needed = doctor.check_memory(CaptureSettings(width=640, height=360)).found
    assert f"{taken / 2**20:.0f} needed" in needed


def test_a_running_call_is_noticed(run_dir: Path) -> None:
    none = Finding("running call", Level.OK, f"none on {run_dir}")
    assert doctor.check_running(run_dir) == none
    with stage("capture", run_dir, source="demo", width=320, height=180) as capture:
        wait_for("capture", lambda: doctor.check_running(run_dir).level is Level.NOTE)
        child = child_of(capture.pid)
        assert child is not None
        os.kill(child, signal.SIGSTOP)
        for _ in range(300):  # more than wait at a door
            assert doctor.check_running(run_dir).level is Level.NOTE
        os.kill(child, signal.SIGCONT)
        assert end(capture)[0] == 0
    assert (run_dir / "frames").exists(), "a door at which nobody answers"
    assert doctor.check_running(run_dir) == none


def test_looking_for_a_call_keeps_none_from_starting(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that holds the lock for a moment made a capture that started then end: "another process already serves"."""
    open_run_dir(run_dir)
    with sole_writer(run_dir, "frames"):
        pass
    monkeypatch.setattr(fcntl, "flock", lambda *_: pytest.fail("a lock was asked for"))
    assert doctor.check_running(run_dir).level is Level.OK


@pytest.mark.parametrize(("machine", "level"), [("x86_64", Level.OK), ("aarch64", Level.FAIL)])
def test_a_processor_on_which_no_ring_works_prevents_a_call(machine: str, level: Level) -> None:
    assert doctor.check_processor(machine).level is level


def fake_ioctl(fd: int, request: int, data: bytearray) -> int:
    """A driver with MJPG in two sizes, one of them at two rates, and YUYV in steps up to 640 x 480."""
    number, *fields = struct.unpack_from("<4I", data)
    mjpg, yuyv = (struct.unpack("<I", code)[0] for code in (b"MJPG", b"YUYV"))
    sizes = {mjpg: [(1280, 720), (640, 360)]}
    if request == v4l2.QUERYCAP:
        v4l2.CAPABILITY.pack_into(data, 0, b"uvcvideo", b"Fake Cam", b"usb", 1, v4l2.DEVICE_CAPS | 3, 1, 0, 0, 0)
    elif request == v4l2.ENUM_FMT and number < 2:
        v4l2.FMTDESC.pack_into(data, 0, number, 1, 0, b"", (mjpg, yuyv)[number], 0, 0, 0, 0)
    elif request == v4l2.ENUM_FRAMESIZES and fields[0] == mjpg and number < 2:
        v4l2.FRMSIZE.pack_into(data, 0, number, mjpg, v4l2.DISCRETE, *sizes[mjpg][number], 0, 0, 0, 0, 0, 0)
    elif request == v4l2.ENUM_FRAMESIZES and fields[0] == yuyv and number < 1:
        v4l2.FRMSIZE.pack_into(data, 0, number, yuyv, 3, 160, 640, 16, 120, 480, 8, 0, 0)
    elif request == v4l2.ENUM_FRAMEINTERVALS and fields == [mjpg, 1280, 720] and number < 2:
        v4l2.FRMIVAL.pack_into(data, 0, number, mjpg, 1280, 720, 1, 1, (15, 30)[number], 0, 0, 0, 0, 0, 0)
    else:
        raise OSError(errno.EINVAL, "no more")
    return 0


def test_modes_are_read_as_the_kernel_lays_them_out(tmp_path: Path) -> None:
    for name in ("video0", "video10", "video2", "vbi0"):
        (tmp_path / name).touch()
    found = v4l2.devices(tmp_path, fake_ioctl)
    assert [d.path.name for d in found] == ["video0", "video2", "video10"]
    assert found[0][1:5] == ("Fake Cam", "uvcvideo", True, False)
    assert [str(m) for m in found[0].modes] == ["MJPG 1280 x 720 at 30", "MJPG 640 x 360", "YUYV 640 x 480"]


def test_what_is_no_video_device_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    assert v4l2.devices(tmp_path) == []
    (tmp_path / "video0").unlink()
    (tmp_path / "video1").symlink_to("nowhere")
    assert v4l2.devices(tmp_path) == []


def test_leftovers_are_counted_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "abandoned", lambda: ["onlyme-0-frames-1"])
    assert doctor.check_leftovers().level is Level.NOTE
