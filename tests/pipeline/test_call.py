"""The real Procfile under honcho, from outside."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from display.captions import AMBER_BGR
from infer.settings import NO_MODEL
from tests.call import BIN, environment, processes_of, read_until, run_call, start_call
from tests.conftest import in_small_memory
from tests.pace import as_if_idle, slowdown
from tests.pipeline.screen import detail, screenshot, xdotool
from tests.processes.neighbours import wait_for
from tests.segments import segments_of
from tests.shared import FOOTAGE, MASK_RCNN, ROOT, SCORE, SIGNERS

CLIPS = {
    "again": (SIGNERS / "again.mkv", SIGNERS / "reference/again/masks"),
    "dance-twirl": (FOOTAGE / "davis2016/dance-twirl/frames", None),
    "empty-room": (FOOTAGE / "empty-room/one-by-one-person-detection.mp4", None),
    "coco-still": (FOOTAGE / "coco-still", None),
    "carphone": (FOOTAGE / "carphone/carphone_pristine.mp4", None),
}


FADED_IN = 10  # pictures, at least


def rows_of(recording: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (recording / "frames.jsonl").read_text().splitlines()]


@pytest.mark.model
@pytest.mark.parametrize(("clip", "workers"), [*((clip, 1) for clip in CLIPS), ("again", 2)])
def test_real_footage_is_recorded_with_its_subject_shown(
    clip: str, workers: int, run_dir: Path, tmp_path: Path, segments: None
) -> None:
    source, masks = CLIPS[clip]
    out = tmp_path / "out"
    settings = {
        "mask_rcnn": MASK_RCNN,
        "source": source,
        "sink": "record",
        "out": out,
        "seconds": 4,
        "background": "color:00ff00",
    }
    code, said = run_call(settings, run_dir, workers)
    assert code == 0, said
    assert "Traceback" not in said and "crashed" not in said
    live = [n for n, row in enumerate(rows_of(out)) if row["state"] == "live"]
    assert live or clip == "empty-room"
    began = live[0] if live else 0
    skipped = str(began + FADED_IN)  # how soon the first result comes is a speed
    command = [sys.executable, str(SCORE), str(out), "--clip", str(source), "--json", "--skip", skipped]
    command += ["--masks", str(masks)] if masks else []
    figures = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    # the rate (0.98) is held by tests/bench: other programs may take half of this machine from the call, and do
    assert figures["shown"] > 0.4
    if masks:
        assert "live" in figures["states"]
        assert figures["iou"] > 0.8
    assert processes_of(run_dir) == []


def test_without_a_model_the_call_comes_up_and_starts_hidden(run_dir: Path, tmp_path: Path, segments: None) -> None:
    out, later = tmp_path / "out", tmp_path / "Procfile"
    settings = {
        "mask_rcnn": NO_MODEL,
        "source": "auto",
        "sink": "record",
        "out": out,
        "width": 640,
        "height": 360,
    }
    # inference would else be ready before the recorder is
    recorded = f"until [ -e {out}/frames/00000000.png ]; do sleep 0.05; done"
    later.write_text((ROOT / "Procfile").read_text().replace("infer: exec", f"infer: {recorded}; exec"))

    def pictures() -> int:
        return len(list((out / "frames").iterdir()))

    with start_call(settings, run_dir, procfile=later) as call:
        began = read_until(call, "compose: live, after ")
        hidden = pictures()
        wait_for("pictures in which the subject has faded in", lambda: pictures() > hidden + 2 * FADED_IN)
        call.send_signal(signal.SIGINT)
        rest, _ = call.communicate(timeout=60)
    said = "".join(began) + rest
    rows = rows_of(out)
    assert rows[0]["state"] == "starting"
    assert rows[-1]["state"] == "live"
    first, last = (np.asarray(cv2.imread(str(out / str(r["file"])))) for r in (rows[0], rows[-1]))
    face = np.s_[80:180, 270:390]
    assert detail(last[face]) > 4 * detail(first[face])
    assert said.count("finds people with embedded detector") == 1
    if "demo scene" in said:  # no camera here: the picture says so, in white, in its lower left corner
        assert (first[330:, :200] > 220).all(-1).any()


def test_several_displays_at_once(run_dir: Path, tmp_path: Path) -> None:
    settings = {"source": "demo", "width": 640, "height": 360, "sink": "headless", "status_every": 0.2}
    with start_call(settings, run_dir) as call:
        env = environment({"sink": "record", "images": "none", "seconds": 2}, run_dir)
        others = [
            subprocess.Popen(
                [sys.executable, "-m", "display", "--out", str(tmp_path / n)],
                cwd=ROOT,
                env=env,
                stderr=subprocess.DEVNULL,
            )
            for n in "ab"
        ]
        assert [other.wait(60) for other in others] == [0, 0]
        least = 40 / slowdown()
        read_until(call, "pictures a second")
        call.send_signal(signal.SIGINT)
        said, _ = call.communicate(timeout=60)
    assert "display.1 stopped (rc=0)" in said and "crashed" not in said
    assert all(len(rows_of(tmp_path / n)) > least for n in "ab")


def test_ctrl_c_ends_everything(run_dir: Path, segments: None) -> None:
    with start_call({"source": "demo", "sink": "headless", "status_every": 0.5}, run_dir, workers=3) as call:
        read_until(call, "pictures a second")
        names = segments_of(run_dir)
        call.send_signal(signal.SIGINT)
        begun = time.monotonic()
        said, _ = call.communicate(timeout=60)
    assert as_if_idle(time.monotonic() - begun) < 4
    assert names, "there was something to leave"
    assert processes_of(run_dir) == []
    assert "SIGKILL" not in said


# what is wrong: the stage that says so, its settings, and what it says
BAD: dict[str, tuple[str, dict[str, object], str]] = {
    "camera": ("capture", {"source": "camera:97"}, "expected a camera at camera:97"),
    "file": ("capture", {"source": "none.mkv"}, "not there"),
    "unreadable file": ("capture", {"source": "README.md"}, "decoded"),
    "folder": ("capture", {"source": "tests"}, "expected images"),
    "model": ("infer", {"mask_rcnn": "tests"}, "exactly one .onnx, or one .pb"),
    "even kernel": ("compose", {"kernel": 40}, "odd number"),
    "kernel 303": ("compose", {"kernel": 303}, "odd number"),
    "threshold": ("infer", {"threshold": 1.5}, "0..1"),
    "confidence": ("infer", {"confidence": -1}, "0..1"),
    "unknown": ("capture", {"kernal": 41}, "no such setting"),
    "screen": ("display", {"sink": "window"}, "expected a screen"),
    "device": ("infer", {"device": "tpu"}, "expected one of auto, cpu, cuda"),
    "device of another machine": (
        "infer",
        {"device": "coreml", "mask_rcnn": "none"},
        "expected auto or cpu for the embedded detector",
    ),
    "backend": ("infer", {"backend": "cuda"}, "expected --device or ONLYME_DEVICE"),
    "target": ("infer", {"target": "cuda"}, "expected --device or ONLYME_DEVICE"),
    "run dir": ("capture", {"run_dir": "/tmp/" + "x" * 120}, "107 bytes"),
}
# started in a whole call: of each stage one, and one that all of them say
IN_A_CALL = ("camera", "model", "even kernel", "screen", "unknown")


def start_alone(program: str, settings: dict[str, object], run_dir: Path) -> subprocess.CompletedProcess[str]:
    """Start one stage, which ends by itself."""
    env = environment({"source": "demo", "sink": "headless", **settings}, run_dir)
    return subprocess.run(
        [sys.executable, "-m", program], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("fault", [each for each in BAD if each not in IN_A_CALL])
def test_bad_input_ends_the_stage_with_one_clear_line(
    fault: str, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, settings, says = BAD[fault]
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = start_alone(program, settings, run_dir)
    assert done.returncode == 2, done.stderr
    assert sum(says in line for line in done.stderr.splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("fault", IN_A_CALL)
def test_bad_input_ends_the_whole_call_with_2(fault: str, run_dir: Path) -> None:
    program, settings, says = BAD[fault]
    code, said = run_call({"source": "demo", "sink": "headless", **settings}, run_dir, limit_s=60)
    assert code == 2, said
    # all stages refuse an unknown setting: who finds it first says so
    speaker = r"\w+" if fault == "unknown" else program
    assert len(re.findall(rf"\| {speaker}: .*{re.escape(says)}", said)) == said.count(says) == 1, said
    # the order of other lines is honcho's: on a busy machine it prints some of before the mistake behind it
    assert not re.search(r": (stopped|ended after)", said), "what stages say when they are ended"
    assert "Traceback" not in said
    assert processes_of(run_dir) == []


@pytest.mark.model
@pytest.mark.parametrize("fault", ["truncated", "another graph", "short class list", "device"])
def test_a_bad_model_ends_infer_with_one_clear_line(fault: str, run_dir: Path, tmp_path: Path) -> None:
    """test_bad_input_ends_the_whole_call_with_2 starts the whole call for one."""
    model = tmp_path / "model"
    shutil.copytree(MASK_RCNN, model, copy_function=shutil.copyfile)
    model.chmod(0o755)
    settings: dict[str, object] = {"mask_rcnn": model}
    match fault:
        case "truncated":
            os.truncate(model / "frozen_inference_graph.pb", 1_000_000)
        case "another graph":
            next(model.glob("*.pbtxt")).write_text('node {\n  name: "x"\n}\n')
        case "short class list":
            (model / "object_detection_classes_coco.txt").write_text("person\n")
        case "device":
            settings["device"] = "cuda"
    done = start_alone("infer", settings, run_dir)
    assert done.returncode == 2, done.stderr
    assert re.fullmatch("infer: .*expected.*\n", done.stderr), done.stderr


@pytest.mark.root
def test_too_little_shared_memory_is_one_clear_line(run_dir: Path) -> None:
    done = in_small_memory(4, ["-m", "capture", "--source", "demo"], environment({}, run_dir))
    assert done.returncode == 2, done.stderr
    assert (
        "shared memory is too small for the frames ring: expected 13.2 MiB free in /dev/shm, got 4.0 MiB" in done.stderr
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("program", ["capture", "infer", "compose", "display"])
def test_help_works_from_the_virtual_environment(program: str, run_dir: Path) -> None:
    done = subprocess.run(
        [str(BIN / "python"), "-m", program, "--help"],
        cwd=ROOT,
        env=environment({}, run_dir),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"usage: python -m {program} "), "each runs its own stage"
    assert "ONLYME_RUN_DIR" in done.stdout
    assert done.stderr == ""


@pytest.mark.screen
def test_the_window_shows_obeys_its_keys_and_quits(run_dir: Path, screen: str, segments: None) -> None:
    settings = {"source": "demo", "width": 960, "height": 540, "sink": "window"}
    with start_call(settings, run_dir, screen=screen) as call:
        wait_for("a picture", lambda: screenshot(screen).mean() > 20, 30)
        # not before: the toolkit may make its window anew, and keys for the first one go nowhere
        window = wait_for("the window", lambda: xdotool(screen, "search", "--name", "^onlyme$").split("\n")[0])
        xdotool(screen, "windowfocus", "--sync", window)

        def wall() -> float:  # a patch that no person reaches: sharp or blurred
            return detail(screenshot(screen)[100:200, 600:900])

        wait_for("a hidden room", lambda: 0 < wall() < 5)
        xdotool(screen, "key", "--window", window, "p")
        wait_for("the room", lambda: wall() > 50)
        xdotool(screen, "key", "--window", window, "p")
        wait_for("privacy", lambda: wall() < 5)

        def caption() -> float:
            return detail(screenshot(screen)[:70, :500])

        with_caption = caption()
        xdotool(screen, "key", "--window", window, "i")
        wait_for("no caption", lambda: caption() < 0.5 * with_caption)

        xdotool(screen, "key", "--window", window, "v")
        wait_for("the instance view", lambda: wall() > 50)
        xdotool(screen, "key", "--window", window, "v")
        wait_for("the filter again", lambda: wall() < 5)
        xdotool(screen, "key", "--window", window, "n")
        read_until(call, "the subject was chosen by hand")
        xdotool(screen, "mousemove", "--window", window, "480", "400", "click", "1")
        read_until(call, "the subject was chosen by hand")
        xdotool(screen, "key", "--window", window, "a")
        read_until(call, "everybody is shown: nobody in the picture is hidden")

        def amber() -> int:
            return int((screenshot(screen) == AMBER_BGR).all(-1).sum())

        wait_for("the banner", lambda: amber() > 960 * 10)
        xdotool(screen, "key", "--window", window, "a")
        wait_for("one person", lambda: amber() == 0)
        xdotool(screen, "key", "--window", window, "Print")  # its code ends in that of an a
        time.sleep(0.5)
        assert amber() == 0
        begun = time.monotonic()
        xdotool(screen, "key", "--window", window, "q")
        said, _ = call.communicate(timeout=60)
        took_s = as_if_idle(time.monotonic() - begun)
    assert call.returncode == 0, said
    assert took_s < 2.5, f"{took_s:.2f} s"
    assert processes_of(run_dir) == []


@pytest.mark.screen
def test_closing_the_window_quits(run_dir: Path, screen: str) -> None:
    manager = subprocess.Popen(["openbox"], env={**os.environ, "DISPLAY": screen}, stderr=subprocess.DEVNULL)
    with start_call({"source": "demo", "width": 640, "height": 360}, run_dir, screen=screen) as call:
        wait_for("the window", lambda: xdotool(screen, "search", "--name", "^onlyme$"), 30)
        wait_for("a picture", lambda: screenshot(screen).mean() > 20)
        # only a window manager can close a window politely, as its cross does; it may not know the window yet
        cross = ["wmctrl", "-c", "onlyme"]

        def closed() -> bool:
            subprocess.call(cross, env={**os.environ, "DISPLAY": screen}, stderr=subprocess.DEVNULL)
            return call.poll() is not None

        wait_for("the end of the call", closed)
    manager.terminate()
    manager.wait()
    assert call.returncode == 0


def test_a_screen_that_does_not_answer_is_no_abort(run_dir: Path) -> None:
    with start_call({"source": "demo", "sink": "window"}, run_dir, screen=":97") as call:
        said, _ = call.communicate(timeout=60)
    assert call.returncode == 2
    assert "expected a screen that answers" in said
