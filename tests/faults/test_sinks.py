"""What each sink puts out while the call is harmed, held against the leak oracle."""

from __future__ import annotations

import base64
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2

from common.metrics.counters import Counters
from display.relay.keyring import KeyStore, read_viewer_key
from tests.call import free_port
from tests.faults.hiding import blurred, shown
from tests.faults.oracle import BOUND, LeakOracle
from tests.faults.put_out import TOKEN, Judge, PageWatched, Picture, RelayWatched, decoded, of_file
from tests.faults.scenes import PatternedScene
from tests.faults.watch import nothing_leaked
from tests.faults.worker import HEIGHT, WIDTH, exact_call, honest, silent
from tests.processes.neighbours import end, stage, wait_for


def test_no_sink_shows_more_than_the_composites(
    run_dir: Path, scene: PatternedScene, tmp_path: Path, counters: Counters
) -> None:
    oracle = LeakOracle(scene, masks="exact")
    key = read_viewer_key(KeyStore(run_dir / "keys").new("viewer", run_dir))
    page_port, relay = free_port(), f"tcp://127.0.0.1:{free_port()}"
    camera_out, video_out = tmp_path / "camera", tmp_path / "call.mp4"
    listening: dict[str, Any] = {"token": TOKEN, "relay": relay, "keys": run_dir / "keys", "curve": "yes"}
    with (
        exact_call(run_dir, scene, sink="web", web=f"127.0.0.1:{page_port}", **listening) as (call, worker),
        ExitStack() as stack,
    ):
        camera = stack.enter_context(stage("tests.faults.camera_display", run_dir, sink="camera", out=camera_out))
        video = stack.enter_context(stage("display", run_dir, sink="video", out=video_out))
        page = stack.enter_context(PageWatched(page_port))
        viewer = stack.enter_context(RelayWatched(relay, key, counters))
        wait_for("pictures everywhere", lambda: len(page.got) > 10 and len(viewer.got) > 10 and camera_out.exists())
        worker.answer = silent
        hidden = call.wait_hidden(time.monotonic())
        time.sleep(0.5)
        worker.answer = honest
        call.wait_live(hidden.at)
        time.sleep(0.7)
        before = call.watch.heard[-1].message.frame.segment
        os.kill(call.stages()["compose.1"].live_child, signal.SIGKILL)
        call.wait("another compose", lambda: call.watch.heard[-1].message.frame.segment != before)
        at = call.wait_live(call.watch.heard[-1].at).at
        time.sleep(0.7)
        os.kill(call.stages()["capture.1"].live_child, signal.SIGKILL)
        call.wait_live(call.wait_hidden(at).at)
        time.sleep(0.7)
        for process in (camera, video):
            assert end(process)[0] == 0
    put_out: dict[str, list[Picture]] = {
        "web": [decoded(jpeg) for jpeg in page.got],
        "remote": [decoded(jpeg) for jpeg in viewer.got],
        "camera": [decoded(base64.b64decode(line)) for line in camera_out.read_bytes().splitlines()],
        "video": of_file(video_out),
    }
    for name, pictures in put_out.items():
        judge = Judge(oracle, call.watch.heard, call.watch.seen)
        leaks = [judge.leak(p) for p in pictures if p.shape[:2] == (HEIGHT, WIDTH)]
        print(f"{name}: {len(leaks)} pictures, {judge.matched} of them composites, worst {max(leaks):.2f} of the bound")
        assert judge.matched > 50  # a loaded machine puts fewer out
        assert max(leaks) <= BOUND, name
    assert nothing_leaked(call.watch)
    judge = Judge(oracle, call.watch.heard, call.watch.seen)
    live = [s.message.frame.source_index for s in call.watch.seen if s.message.state == "live"]
    index = next(i for i in live if scene.masks(i).bystander.mean() > 0.02)
    for what, picture in {
        "the room": scene.frame(index),
        "somebody else": shown(scene.frame(index), scene.masks(index).bystander, HEIGHT / 30),
        "a weak blur": blurred(scene.frame(index), HEIGHT / 50),
    }.items():
        compressed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
        assert judge.leak(decoded(compressed)) > BOUND, f"the negative control: a sink that shows {what} is found"
