"""The real capture; the test plays compose and a worker."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.demo import DemoScene
from common.ipc.messages import FrameCaptured, SourceLost, WorkAssigned, WorkRequested
from common.ipc.ring import RingCache
from common.ipc.streams import FRAME_MESSAGES, FRAMES, WORK, connect, open_context, receive, send
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from tests.call import environment
from tests.pace import slowdown
from tests.processes.neighbours import child_of, end, stage, wait_for
from tests.shared import ROOT

DEMO = {"source": "demo", "width": 320, "height": 180}


def test_every_frame_comes_in_order_with_its_pixels(run_dir: Path, counters: Counters, segments: None) -> None:
    open_run_dir(run_dir)
    ring, scene = RingCache(), DemoScene(320, 180, 30)
    frames: list[FrameCaptured] = []
    late_ns: list[int] = []
    with open_context() as context, stage("capture", run_dir, **DEMO) as process:
        socket = connect(context, FRAMES, run_dir)
        while len(frames) < 40:
            for message in wait_for("frames", lambda: receive(socket, FrameCaptured, counters)):
                frames.append(message)
                late_ns.append(time.monotonic_ns() - message.frame.captured_ns)
                picture = ring.read(message.frame.segment, message.frame.sequence, (180, 320, 3), None)
                assert picture is not None
                assert (picture == scene.frame(message.frame.source_index)).all()
        code, said, took_s = end(process)
    ring.close()
    assert (code, "demo scene" in said) == (0, True)
    assert took_s < 2
    assert len({f.frame.epoch for f in frames}) == 1
    assert [f.frame.frame_id for f in frames] == list(range(frames[0].frame.frame_id, frames[0].frame.frame_id + 40))
    # its times are those of its pictures, a thirtieth of a second apart: so they come in real time, or in the future
    assert min(late_ns) >= 0, "no picture comes before its time"
    assert min(late_ns[20:]) - min(late_ns[:20]) < 300_000_000 * slowdown(), "nor does it fall behind"


def test_two_workers_get_different_frames(run_dir: Path, counters: Counters) -> None:
    open_run_dir(run_dir)
    with open_context() as context, stage("capture", run_dir, **DEMO):
        sockets = [connect(context, WORK, run_dir) for _ in range(2)]
        given: list[WorkAssigned] = []
        for _ in range(5):
            for number, socket in enumerate(sockets):
                wait_for("a peer", partial(send, socket, WorkRequested(f"w{number}")))
            for socket in sockets:
                given += wait_for("work", partial(receive, socket, WorkAssigned, counters))
    assert len({f.frame.frame_id for f in given}) == len(given) == 10
    assert given[-1].workers == 2


def test_garbage_from_a_worker_is_dropped(run_dir: Path, counters: Counters) -> None:
    open_run_dir(run_dir)
    with open_context() as context, stage("capture", run_dir, **DEMO):
        socket = connect(context, WORK, run_dir)
        wait_for("a peer", lambda: send(socket, WorkRequested("w")))
        wait_for("work", lambda: receive(socket, WorkAssigned, counters))
        for garbage in (b"", b"\xc1", b"x" * 1000):
            socket.send(garbage)
        wait_for("room in the queue", lambda: send(socket, WorkRequested("w")))
        wait_for("work", lambda: receive(socket, WorkAssigned, counters))


def test_a_second_capture_on_the_run_folder_is_refused(run_dir: Path, counters: Counters) -> None:
    open_run_dir(run_dir)
    with open_context() as context, stage("capture", run_dir, **DEMO):
        socket = connect(context, FRAMES, run_dir)
        wait_for("frames", lambda: receive(socket, FrameCaptured, counters))
        with stage("capture", run_dir, **DEMO) as second:
            _, said = second.communicate(timeout=60)
            assert second.returncode == 2
            assert said.count("\n") == 1
            assert "already serves" in said
        wait_for("frames", lambda: receive(socket, FrameCaptured, counters))  # the first goes on


def test_a_killed_child_is_replaced_under_a_new_epoch(run_dir: Path, counters: Counters, segments: None) -> None:
    open_run_dir(run_dir)
    with open_context() as context, stage("capture", run_dir, **DEMO) as process:
        socket = connect(context, FRAMES, run_dir)
        first = wait_for("frames", lambda: receive(socket, FrameCaptured, counters))[0]
        child = child_of(process.pid)
        assert child is not None
        os.kill(child, signal.SIGKILL)
        wait_for(
            "a new epoch",
            lambda: [f for f in receive(socket, FrameCaptured, counters) if f.frame.epoch != first.frame.epoch],
        )
        assert end(process)[0] == 0


def test_the_child_dies_with_its_parent(run_dir: Path, counters: Counters) -> None:
    open_run_dir(run_dir)
    with open_context() as context, stage("capture", run_dir, **DEMO) as process:
        wait_for("frames", partial(receive, connect(context, FRAMES, run_dir), FrameCaptured, counters))
        child = child_of(process.pid)
        process.kill()
        wait_for(
            "its end",
            lambda: not Path(f"/proc/{child}").exists() or Path(f"/proc/{child}/stat").read_text().split()[2] == "Z",
            3,
        )


def test_a_change_of_geometry_begins_a_new_epoch(
    run_dir: Path, tmp_path: Path, counters: Counters, segments: None
) -> None:
    for number, width in enumerate((64, 64, 80, 80)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((48, width, 3), np.uint8))
    open_run_dir(run_dir)
    seen: dict[int, tuple[int, str]] = {}
    with open_context() as context, stage("capture", run_dir, source=tmp_path, fps=20) as process:
        socket = connect(context, FRAMES, run_dir)

        def four_epochs() -> bool:
            for message in receive(socket, FrameCaptured, counters):
                seen[message.frame.epoch] = (message.frame.width, message.frame.segment)
            return len(seen) >= 4

        wait_for("four epochs", four_epochs)
        assert end(process)[0] == 0
    assert len({segment for _, segment in seen.values()}) == len(seen)
    assert {width for width, _ in seen.values()} == {64, 80}


class Playlist(http.server.BaseHTTPRequestHandler):
    """A stream whose parts are not there: FFmpeg names their addresses."""

    def do_GET(self) -> None:
        if "list.m3u8" not in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        part = self.path.replace("list.m3u8", "part.ts")
        self.wfile.write(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{part}\n#EXT-X-ENDLIST\n".encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize("is_quiet", [True, False], ids=["as it is", "with FFmpeg's own messages"])
def test_of_an_address_nothing_but_scheme_and_host_is_said(
    is_quiet: bool, run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second case is the negative control: what FFmpeg says by itself has the password in it."""
    if not is_quiet:
        (tmp_path / "sitecustomize.py").write_text("import av.logging\n\nav.logging.restore_default_callback()\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Playlist) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://USER:SECRET@127.0.0.1:{server.server_port}/PATH/list.m3u8?pwd=SECRET"
        done = subprocess.run(
            [sys.executable, "-m", "capture"], cwd=ROOT, env=environment({"source": address}, run_dir), check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
        )  # fmt: skip
        server.shutdown()
    said = done.stdout
    assert done.returncode == 2
    assert "expected a stream at http://127.0.0.1, got none" in said
    assert ("SECRET" in said) is not is_quiet
    if is_quiet:
        assert not [word for word in ("USER", "PATH", "pwd") if word in said]
        assert said.count("\n") == 1


def test_a_file_that_goes_is_not_named_on_the_stream(run_dir: Path, tmp_path: Path, counters: Counters) -> None:
    path = tmp_path / "HOLIDAY.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for _ in range(10):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    open_run_dir(run_dir)
    with open_context() as context, stage("capture", run_dir, source=path) as process:
        socket = connect(context, FRAMES, run_dir)
        wait_for("frames", lambda: receive(socket, FrameCaptured, counters))
        path.unlink()
        reasons: list[str] = []

        def look() -> bool:
            reasons.extend(f.reason for f in receive(socket, FRAME_MESSAGES, counters) if isinstance(f, SourceLost))
            return len(reasons) >= 2

        wait_for("losses", look)
        assert end(process)[0] == 0
    assert reasons[:2] == ["the file cannot be read any more; was it moved?", "the file cannot be opened"]


def test_a_file_played_once_ends_with_0(run_dir: Path, tmp_path: Path) -> None:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((48, 64, 3), np.uint8))
    with stage("capture", run_dir, source=tmp_path, play="once") as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "source ended" in said
