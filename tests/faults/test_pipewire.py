"""What a program gets from the PipeWire camera while the call is harmed, held against the leak oracle."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.oracle import BOUND, LeakOracle
from tests.faults.put_out import Judge
from tests.faults.scenes import PatternedScene
from tests.faults.watch import nothing_leaked
from tests.faults.worker import HEIGHT, WIDTH, exact_call, honest, silent
from tests.pipewire import Consumer, Session, pipewire_session
from tests.processes.neighbours import end, stage, wait_for


def node_of_the_call(session: Session) -> dict[str, Any] | None:
    """The node once it has the size of the call's pictures."""
    node = session.node("onlyme")
    sizes = [] if node is None else [offer["size"] for offer in node["info"]["params"]["EnumFormat"]]
    return node if sizes and all(size == {"width": WIDTH, "height": HEIGHT} for size in sizes) else None


@pytest.mark.pipewire
def test_the_camera_shows_no_more_than_the_composites_and_stays_while_compose_restarts(
    run_dir: Path, scene: PatternedScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pipewire_session() as session, exact_call(run_dir, scene) as (call, worker):
        for name, value in session.environment.items():
            monkeypatch.setenv(name, value)
        call.wait_live()
        with stage("display", run_dir, sink="pipewire") as display:
            node = wait_for("the node", lambda: node_of_the_call(session))
            with Consumer(session, "onlyme", (WIDTH, HEIGHT)) as consumer:
                wait_for("pictures", lambda: len(consumer.got) > 20)
                worker.answer = silent
                hidden = call.wait_hidden(time.monotonic())
                had = len(consumer.got)
                wait_for("pictures that hide", lambda: len(consumer.got) > had + 10)
                worker.answer = honest
                call.wait_live(hidden.at)
                before = call.watch.heard[-1].message.frame.segment
                os.kill(call.stages()["compose.1"].live_child, signal.SIGKILL)
                call.wait("another compose", lambda: call.watch.heard[-1].message.frame.segment != before)
                call.wait_live(call.watch.heard[-1].at)
                had = len(consumer.got)
                wait_for("pictures after the restart", lambda: len(consumer.got) > had + 20)
            after = node_of_the_call(session)
            assert after is not None and after["id"] == node["id"], "the node stays"
            with Consumer(session, "onlyme", (WIDTH, HEIGHT)) as next_one:
                wait_for("pictures for the next one", lambda: len(next_one.got) > 5)
            assert end(display)[0] == 0
        wait_for("the end of the node", lambda: session.node("onlyme") is None)
    judge = Judge(LeakOracle(scene, masks="exact"), call.watch.heard, call.watch.seen)
    leaks = [judge.leak(picture) for picture in (*consumer.got, *next_one.got)]
    print(f"{len(leaks)} pictures, {judge.matched} of them composites, worst {max(leaks):.2f} of the bound")
    assert judge.matched > 40
    assert max(leaks) <= BOUND
    assert nothing_leaked(call.watch)
    room = scene.frame(next(s.message.frame.source_index for s in call.watch.seen if s.message.state == "live"))
    assert judge.leak(room) > BOUND, "the negative control: a camera that shows the room is found"
