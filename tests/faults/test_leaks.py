"""What others' filters leaked on, done to the real processes, and judged on the pixels that come out."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from common.ipc.messages import PrivacySet, WishMade, encode
from common.ipc.streams import CONTROL, connect, open_context, send
from common.runtime.run_dir import open_run_dir
from tests.call import stages
from tests.conftest import in_small_memory
from tests.faults import cycles
from tests.faults.injections import run
from tests.faults.oracle import BOUND, LeakOracle
from tests.faults.scenes import PATTERNED, PatternedScene
from tests.faults.watch import MAY_BE_UNJUDGED, Watch, nothing_leaked, watched_call
from tests.faults.worker import HEIGHT, SIZE, WIDTH, ExactWorker, exact_call, honest, silent
from tests.processes.neighbours import stage, wait_for
from tests.shared import MASK_RCNN, ROOT


def test_before_the_first_mask_nothing_is_seen_and_the_first_live_frame_is_faint(
    run_dir: Path, scene: PatternedScene
) -> None:
    with exact_call(run_dir, scene) as (call, _):
        # the watch may hear of the first pictures too late, compose does not
        call.wait("the end of the start", lambda: any(line.endswith(" s starting") for _, line in call.said))
    assert nothing_leaked(call.watch)


def test_without_any_worker_nothing_is_ever_seen(run_dir: Path, scene: PatternedScene) -> None:
    with watched_call(SIZE, run_dir, LeakOracle(scene), workers=0, modules={"capture": PATTERNED}) as call:
        call.wait("two seconds of pictures", lambda: len(call.watch.heard) > 60)
        assert {h.message.state for h in call.watch.heard} == {"starting"}
    assert nothing_leaked(call.watch)


def test_without_a_model_the_call_ends_and_nothing_is_seen(run_dir: Path, scene: PatternedScene) -> None:
    settings, modules = {**SIZE, "mask_rcnn": ROOT / "tests"}, {"capture": PATTERNED}
    with watched_call(settings, run_dir, LeakOracle(scene), modules=modules) as call:
        assert call.process.wait(20) == 2
    assert call.watch.live() is None
    assert not call.watch.leaks()


def test_a_subject_who_leaves_and_comes_back(run_dir: Path, scene: PatternedScene) -> None:
    with exact_call(run_dir, scene) as (call, worker):
        for _ in range(3):
            worker.answer = lambda f, r: [encode(replace(r, instances=()))]
            hidden = call.wait_hidden(time.monotonic())
            assert hidden.message.reason == "nobody found"
            worker.answer = honest
            call.wait_live(hidden.at)
            time.sleep(0.5)
    assert nothing_leaked(call.watch)


def test_privacy_off_and_on_again(run_dir: Path, scene: PatternedScene) -> None:
    with exact_call(run_dir, scene) as (call, worker), open_context() as context:
        control = connect(context, CONTROL, run_dir)
        for _ in range(3):
            epoch = call.watch.heard[-1].message.epoch
            wish = WishMade(epoch, time.monotonic_ns(), PrivacySet(False))
            wait_for("the control's door", partial(send, control, wish))
            off = call.wait("the room", lambda: next((h for h in call.watch.heard[-3:] if not h.message.privacy), None))
            assert off.message.state == "off"
            worker.answer = silent  # the next mask may come before the next frame, and be as good as any
            time.sleep(0.1)
            on_at = time.monotonic()
            send(control, WishMade(epoch, time.monotonic_ns(), PrivacySet(True)))
            on = call.wait_hidden(on_at)
            assert on.hides and on.message.reason == "no mask since privacy was turned on"
            worker.answer = honest
            call.wait_live(on.at)
            time.sleep(0.5)
    assert nothing_leaked(call.watch)
    rooms = [s.leak for s in call.watch.seen if s.message.state == "off"]
    assert rooms and min(rooms) > BOUND, "the negative control: privacy off is the room"


def test_a_whole_call_that_is_stopped_and_goes_on(run_dir: Path, scene: PatternedScene) -> None:
    """As when a laptop sleeps: what comes out first must not be what was seen before."""
    with exact_call(run_dir, scene) as (call, _):
        pids = [pid for stage in call.stages().values() for pid in stage.pids]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(2)
        at = time.monotonic()
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        call.wait_live(call.wait_hidden(at).at)
    assert nothing_leaked(call.watch)


def test_capture_restarting_at_another_size(run_dir: Path, scene: PatternedScene) -> None:
    other = PatternedScene(480, 270, 30)
    oracles = [LeakOracle(s, masks="exact") for s in (scene, other)]
    open_run_dir(run_dir)
    with (
        stage("compose", run_dir),
        Watch(run_dir, *oracles) as watch,
        ExactWorker(run_dir, scene, other),
    ):
        since = 0.0
        for playing in (scene, other, scene):
            width, height = playing.size_wh
            with stage(PATTERNED, run_dir, source="demo", width=width, height=height) as capture:
                live = wait_for("a live picture", partial(watch.live, since))
                assert live.message.width == width
                time.sleep(0.7)
                capture.kill()
                lost = wait_for(
                    "the loss", lambda: watch.heard[-1] if watch.heard[-1].message.state == "lost" else None
                )
                since = lost.at
    begun = {s.message.epoch: s.message.captured_ns for s in reversed(watch.seen)}
    for seen in (s for s in watch.seen if not s.hides):  # the watch may miss the first ones
        since_ms = (seen.message.captured_ns - begun[seen.message.epoch]) / 1e6
        assert 0 <= seen.message.mask_age_ms <= since_ms + 300, "the mask is of the new stream"
    assert len({s.message.epoch for s in watch.seen}) == 3
    assert nothing_leaked(watch)


def test_masks_of_two_cameras_mixed(run_dir: Path, tmp_path: Path, scene: PatternedScene) -> None:
    other_dir = run_dir.with_name("other")
    open_run_dir(other_dir)
    with exact_call(run_dir, scene) as (call, _):
        time.sleep(1.7)  # out of step with the first
        with (
            stage(PATTERNED, other_dir, source="demo", width=WIDTH, height=HEIGHT),
            ExactWorker(other_dir, scene, every=1, masks_dir=run_dir),
        ):
            call.wait("the other camera's masks", lambda: call.saying("of another epoch"))
            time.sleep(2)
            call.wait_live(time.monotonic())
    assert nothing_leaked(call.watch)


def test_a_display_that_stops_reading_costs_nobody_a_frame(run_dir: Path, scene: PatternedScene) -> None:
    with exact_call(run_dir, scene) as (call, _), stage("display", run_dir, sink="headless") as other:
        wait_for("the other display", lambda: "display" in stages(run_dir) and stages(run_dir)["display"].child)
        time.sleep(0.5)
        pids = stages(run_dir)["display"].pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        begun = time.monotonic()
        time.sleep(4)
        ended = time.monotonic()
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        other.terminate()
        other.wait(5)
    assert len(call.watch.between(begun, ended)) / (ended - begun) > 25
    assert nothing_leaked(call.watch)


@pytest.mark.root
def test_shared_memory_that_fills_up_during_the_call() -> None:
    """In a /dev/shm of its own, as small as containers have it: see full_memory.py."""
    done = in_small_memory(64, ["-m", "tests.faults.full_memory"], dict(os.environ))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("how", ["raw", "stale", "wrong", "weak"])
def test_the_negative_controls_leak(how: str, run_dir: Path, scene: PatternedScene) -> None:
    """The same call with a broken compose: if the oracle let these pass, it would prove nothing."""
    # the matte of the present frame would mend what a stale mask breaks
    with exact_call(run_dir, scene, f"tests.faults.unsafe_compose {how}", refine="none") as (call, worker):
        if how in ("raw", "stale"):
            worker.answer = silent
        time.sleep(3.5)
        if how == "weak":  # the whole picture is to be judged too
            worker.answer = silent
            call.wait_hidden(time.monotonic())
            time.sleep(0.5)
    leaks = call.watch.leaks()
    assert len(leaks) > 20, f"worst {max(s.leak for s in call.watch.seen):.2f}"
    if how == "wrong":
        assert {s.message.state for s in leaks} == {"live"}
    if how == "weak":
        assert {s.message.state for s in leaks} >= {"live", "hidden"}


@pytest.mark.parametrize(
    "model", [None, pytest.param(MASK_RCNN, marks=pytest.mark.model)], ids=["embedded", "mask-rcnn"]
)
def test_random_faults(model: Path | None, segments: None) -> None:
    """Whoever finds the people, no fault lets anybody else be seen."""
    settings = {**SIZE, "mask_rcnn": model} if model else SIZE
    result = run(settings, 6, seed=20261123 if model else 3, stopped_s=6.0)
    print("\n".join(str(o) for o in result.outcomes))
    assert result.leaks == []
    assert result.unjudged_share <= MAY_BE_UNJUDGED
    assert len(result.outcomes) == 6


def test_starts_are_clean_after_stops_and_kills() -> None:
    print(cycles.run(stops=2, kills=2))
