"""The relay's cost: what it adds to the latency of two viewers, and what a stopped viewer costs the others and the relay."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from common.ipc.messages import FrameComposed
from common.ipc.ring import RingCache
from common.ipc.streams import COMPOSITES, connect, open_context, receive
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from display.relay.keyring import KeyStore, read_viewer_key
from tests.bench.clips import scaled
from tests.bench.table import print_table
from tests.call import free_port, read_until, stages, start_call
from tests.processes.relayed import ViewerPlayed, grey_of
from tests.shared import MASK_RCNN, ROOT, SIGNERS
from tests.soak.__main__ import look

SETTLE_S, SECONDS, STOPPED_S = 8, 30, 60


def watch_relay(address: str, key_file: str, begin_s: float, seconds: float) -> None:
    """In a process of its own, from `begin_s` (CLOCK_MONOTONIC): every picture decoded; prints ms since it was composed."""
    ages: list[float] = []
    with open_context() as context:
        viewer = ViewerPlayed(context, address, read_viewer_key(Path(key_file)), Counters(logging.getLogger("viewer")))
        while time.monotonic() < begin_s + seconds:
            viewer.socket.poll(20)
            for message in viewer.look():
                grey_of(message)
                if time.monotonic() >= begin_s:
                    ages.append((time.monotonic_ns() - message.composite.composed_ns) / 1e6)
            viewer.got[:-1] = []
    print(" ".join(f"{age:.2f}" for age in ages))


def _watch_call(run_dir: Path, begin_s: float, seconds: float) -> tuple[list[float], list[float]]:
    """A local display beside them: ms since composed, and between composites."""
    ages, composed, ring, counters = [], [], RingCache(), Counters(logging.getLogger("local"))
    with open_context() as context:
        socket = connect(context, COMPOSITES, run_dir)
        while time.monotonic() < begin_s + seconds:
            socket.poll(20)
            for message in receive(socket, FrameComposed, counters):
                ring.read(
                    message.frame.segment, message.frame.sequence, (message.frame.height, message.frame.width, 3), None
                )
                if time.monotonic() >= begin_s:
                    ages.append((time.monotonic_ns() - message.composed_ns) / 1e6)
                    composed.append(message.composed_ns / 1e6)
    ring.close()
    return ages, list(np.diff(composed))


def _viewer(address: str, key_file: Path, begin_s: float, seconds: float) -> subprocess.Popen[str]:
    code = (
        f"from tests.bench.remote import watch_relay; watch_relay({address!r}, {str(key_file)!r}, {begin_s}, {seconds})"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def main() -> None:
    """The real call at 720p30, two results a second, two viewers over CURVE; then a third that stops reading."""
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        run_dir, address = Path(folder) / "run", f"tcp://127.0.0.1:{free_port()}"
        open_run_dir(run_dir)
        store = KeyStore(run_dir / "keys")
        keys = [store.new(name, run_dir) for name in ("one", "two", "three")]
        settings = {
            "source": scaled(SIGNERS / "again.mkv", (1280, 720), Path(folder)), "mask_rcnn": MASK_RCNN, "max_infer_hz": 2, "sink": "headless",
            "relay": address, "keys": run_dir / "keys", "curve": "yes",
        }  # fmt: skip
        with start_call(settings, run_dir) as call:
            read_until(call, "serving")
            begin_s = time.monotonic() + SETTLE_S
            viewers = [_viewer(address, key, begin_s, SECONDS) for key in keys[:2]]
            local, between = _watch_call(run_dir, begin_s, SECONDS)
            remote = [np.array([float(x) for x in v.communicate()[0].split()]) for v in viewers]
            rows = [_row("local display", np.array(local), local)]
            rows += [_row(f"viewer {n}", ages, local) for n, ages in enumerate(remote, 1)]
            print_table(
                f"composed to in hand, ms, {SECONDS} s of 720p30, 2 results a second, CURVE over loopback; composites "
                f"{1000 * len(between) / sum(between):.2f} a second, p99 {np.percentile(between, 99):.1f} ms apart",
                rows,
            )
            relay = stages(run_dir)["relay.1"].live_child
            begin_s = time.monotonic() + 3
            viewers = [_viewer(address, key, begin_s, STOPPED_S) for key in keys]
            time.sleep(6)
            before = _memory_mb(relay)
            os.kill(viewers[2].pid, signal.SIGSTOP)
            after = [before]
            for _ in range(STOPPED_S // 2 - 4):
                time.sleep(2)
                after.append(_memory_mb(relay))
            os.kill(viewers[2].pid, signal.SIGCONT)
            came = [len(v.communicate()[0].split()) for v in viewers]
            print_table(
                f"a third viewer stopped for {STOPPED_S - 8} of {STOPPED_S} s",
                [
                    {
                        "viewer": name, "pictures a second": count / STOPPED_S,
                        "relay MB before": round(before, 1), "most": round(max(after), 1), "last": round(after[-1], 1),
                    }
                    for name, count in zip(("one", "two", "stopped"), came, strict=True)
                ],
            )  # fmt: skip
            call.terminate()
            call.communicate()


def _memory_mb(pid: int) -> float:
    sample = look(pid)
    return sample.memory_mb if sample else float("nan")


def _row(who: str, ages: np.ndarray, local: list[float]) -> dict[str, object]:
    p50, p99 = np.percentile(ages, (50, 99))
    return {
        "who": who, "a second": len(ages) / SECONDS, "p50": p50, "p99": p99,
        "added p50": p50 - np.percentile(local, 50), "added p99": p99 - np.percentile(local, 99),
    }  # fmt: skip
