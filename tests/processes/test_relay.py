"""The real relay over real sockets; the test plays compose and the viewers."""

from __future__ import annotations

import os
import signal
import socket as plain
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq

from common.counters import Counters
from common.keys import KeyStore, Pair, ViewerKey, read_viewer_key
from common.messages import PrivacySet, WishMade, encode
from common.remote import IN_FLIGHT
from common.run_dir import open_run_dir
from common.streams import CONTROL, Context, bind, open_context, receive, send
from compose.policy import State, Verdict
from tests.call import free_port
from tests.processes.neighbours import child_of, end, stage, wait_for
from tests.processes.relayed import ComposePlayed, ViewerPlayed, compose_played, grey_of


class Stage:
    """Compose, relay, and whoever watches."""

    def __init__(self, context: Context, run_dir: Path, compose: ComposePlayed, counters: Counters) -> None:
        self.context, self.compose, self.counters = context, compose, counters
        self.run_dir, self.address = run_dir, f"tcp://127.0.0.1:{free_port()}"
        self.store = KeyStore(run_dir / "keys")

    @contextmanager
    def relay(self, **settings: object) -> Iterator[int]:
        """A running relay; its pid."""
        at = {"relay": self.address, "keys": self.run_dir / "keys", **settings}
        with stage("display.relay", self.run_dir, **at) as process:
            yield process.pid
            if process.poll() is None:
                code, said, _ = end(process)
                assert (code, "crashed" in said) == (0, False), said

    def key(self, name: str, control: bool = False) -> ViewerKey:
        return read_viewer_key(self.store.new(name, control))

    def viewer(self, key: ViewerKey | None = None) -> ViewerPlayed:
        return ViewerPlayed(self.context, self.address, key, self.counters)

    def until(self, what: str, look: Callable[[], object], viewers: list[ViewerPlayed], patience_s: float = 20) -> None:
        """Publish and let `viewers` watch until `look` is true."""

        def turn() -> object:
            self.compose.publish()
            time.sleep(0.01)
            for viewer in viewers:
                viewer.look()
            return look()

        wait_for(what, turn, patience_s)

    def sees_nothing(self, viewer: ViewerPlayed, beside: ViewerPlayed) -> bool:
        """While `beside` gets forty pictures more, `viewer` gets none."""
        had, others = len(viewer.got), len(beside.got)
        self.until("pictures for the other", lambda: len(beside.got) > others + 40, [viewer, beside])
        return len(viewer.got) == had


@pytest.fixture
def at(run_dir: Path, counters: Counters, segments: set[str]) -> Iterator[Stage]:
    open_run_dir(run_dir)
    with compose_played(run_dir) as compose, open_context() as context:
        yield Stage(context, run_dir, compose, counters)


def test_nothing_is_encoded_while_nobody_watches_and_who_comes_late_sees_what_is_now(at: Stage) -> None:
    with at.relay():
        first = at.viewer()
        at.until("the relay", lambda: first.got, [first])
        first.socket.close()
        time.sleep(0.3)
        had = first.got[-1].number
        for _ in range(300):
            at.compose.publish()
            time.sleep(0.005)
        late = at.viewer()
        at.until("a picture", lambda: late.got, [late])
        assert late.got[0].number <= had + 2 * IN_FLIGHT, "300 composites had passed"
        assert grey_of(late.got[0]) == pytest.approx(late.got[0].frame_id % 200, abs=2)
        assert at.compose.number - late.got[0].frame_id < 10


def test_only_listed_keys_see_anything(at: Stage) -> None:
    key, stranger = at.key("anna"), zmq.curve_keypair()
    relay = key.relay_public
    with at.relay(curve="yes"):
        allowed = at.viewer(key)
        refused = [
            at.viewer(ViewerKey(Pair(*stranger), relay)),
            at.viewer(None),
            at.viewer(ViewerKey(key.own, zmq.curve_keypair()[0])),  # it takes another relay for this one
        ]
        at.until("a picture", lambda: allowed.got, [allowed, *refused])
        at.until("some more", lambda: len(allowed.got) > 100, [allowed, *refused])
        assert [len(viewer.got) for viewer in refused] == [0, 0, 0]


def test_who_is_revoked_is_cut_off_and_others_are_not(at: Stage) -> None:
    keys = at.key("anna"), at.key("ben")
    with at.relay(curve="yes"):
        anna, ben = (at.viewer(key) for key in keys)
        at.until("pictures for both", lambda: anna.got and ben.got, [anna, ben])
        at.store.revoke("anna")
        begun, had = time.monotonic(), len(anna.got)
        at.until("the cut", lambda: time.monotonic() - begun > 1.2, [anna, ben])
        assert len(anna.got) - had < 150
        assert at.sees_nothing(anna, beside=ben)
        again = at.viewer(keys[0])
        assert at.sees_nothing(again, beside=ben), "and it does not come in again"


def test_garbage_after_the_handshake_hurts_nobody(at: Stage) -> None:
    key = at.key("anna")
    with at.relay(curve="yes") as pid:
        good, bad = at.viewer(key), at.viewer(key)
        at.until("a picture", lambda: good.got and bad.got, [good, bad])
        child = child_of(pid)
        for junk in (b"", b"\xc1", b"x" * 4000, encode(WishMade(1, 1, PrivacySet(False))), bytes(200)):
            bad.socket.send(junk)
            bad.socket.send_multipart([junk, junk, junk])
        had = len(good.got)
        at.until("more pictures", lambda: len(good.got) > had + 50, [good])
        bad.socket.send(b"x" * 100_000)  # larger than any wish: the connection is cut
        at.until("more pictures", lambda: len(good.got) > had + 100, [good])
        assert child_of(pid) == child, "it is the same relay still"


def test_wishes_are_heard_only_with_leave_and_key(at: Stage) -> None:
    control = bind(at.context, CONTROL, at.run_dir)
    keys = at.key("guest"), at.key("host", control=True)
    with at.relay(curve="yes", allow_control="yes"):
        guest, host = (at.viewer(key) for key in keys)
        at.until("pictures for both", lambda: guest.got and host.got, [guest, host])
        send(guest.socket, WishMade(1, 1, PrivacySet(False)))
        send(host.socket, WishMade(1, 1, PrivacySet(True)))
        at.until("the wish", lambda: control.poll(0), [guest, host])
        assert receive(control, WishMade, at.counters) == [WishMade(1, 1, PrivacySet(True))]
    with at.relay(curve="yes"):
        again = at.viewer(keys[1])
        at.until("a picture", lambda: again.got, [again])
        send(again.socket, WishMade(1, 1, PrivacySet(False)))
        had = len(again.got)
        at.until("more pictures", lambda: len(again.got) > had + 50, [again])
        assert not control.poll(0), "without --allow-control nobody is heard"


def test_the_instance_view_goes_nowhere(at: Stage) -> None:
    with at.relay():
        viewer = at.viewer()
        at.until("a picture", lambda: viewer.got, [viewer])
        had = len(viewer.got)

        def turn() -> bool:
            at.compose.publish(Verdict(State.INSTANCES, "", 50.0), privacy=False)
            time.sleep(0.01)
            return any(m.state == "instances" for m in viewer.look())

        wait_for("its message", turn)
        assert [grey_of(m) for m in viewer.got[had:] if m.state == "instances"] == [0.0]


def test_relay_and_viewer_come_back_in_turn(at: Stage) -> None:
    key = at.key("anna")
    with at.relay(curve="yes") as pid:
        viewer = at.viewer(key)
        at.until("a picture", lambda: viewer.got, [viewer])
        child = child_of(pid)
        assert child is not None
        os.kill(child, signal.SIGKILL)
        viewer.got.clear()
        at.until("a picture of the next relay", lambda: viewer.got and child_of(pid) not in (None, child), [viewer])
        viewer.socket.close()
        other = at.viewer(key)
        at.until("a picture for the next viewer", lambda: other.got, [other])


def test_fifty_watch_and_one_that_stops_costs_nobody_anything(at: Stage) -> None:
    with at.relay() as pid:
        viewers = [at.viewer() for _ in range(50)]
        at.until("pictures for all", lambda: all(v.got for v in viewers), viewers, patience_s=40)
        stopped, others = viewers[0], viewers[1:]
        had = [len(v.got) for v in others]
        before = at.compose.number
        at.until("more pictures", lambda: min(len(v.got) for v in others) > max(had) + 60, others, patience_s=40)
        published = at.compose.number - before
        got = [len(v.got) - h for v, h in zip(others, had, strict=True)]
        assert min(got) > 0.5 * max(got), (published, got)
        assert len(stopped.look()) <= IN_FLIGHT, "nothing more had been sent to it"
        assert child_of(pid) is not None


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"relay": "tcp://0.0.0.0:5999"}, "expected somebody who may watch"), ({"relay": "udp://x"}, "expected tcp://HOST:PORT"),
     ({"relay": "tcp://192.0.2.1:5999", "curve": "no"}, "expected somebody who may watch")],
)  # fmt: skip
def test_beyond_loopback_without_keys_it_is_refused(run_dir: Path, settings: dict[str, object], said: str) -> None:
    with stage("display.relay", run_dir, keys=run_dir / "none", **settings) as process:
        _, text = process.communicate(timeout=10)
    assert (process.returncode, said in text, text.count("\n")) == (2, True, 1), text


def test_a_taken_port_is_one_line(at: Stage) -> None:
    with plain.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with stage("display.relay", at.run_dir, relay=address) as process:
            _, text = process.communicate(timeout=10)
    assert (process.returncode, "that is free" in text, text.count("\n")) == (2, True, 1), text


def test_off_it_waits_and_ends(run_dir: Path) -> None:
    with stage("display.relay", run_dir) as process:
        wait_for("the child", lambda: child_of(process.pid))
        time.sleep(0.3)
        code, said, took_s = end(process)
    assert (code, said, took_s < 2) == (0, "", True)
