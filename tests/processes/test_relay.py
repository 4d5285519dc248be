"""The real relay over real sockets; the test plays compose and the viewers."""

from __future__ import annotations

import os
import signal
import socket as plain
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import zmq

from common.config import DisplaySettings
from common.ipc.messages import (
    BackgroundSet,
    FrameComposed,
    PictureRelayed,
    PrivacySet,
    SubjectAsked,
    SubjectPointed,
    ViewSet,
    Wanted,
    WishMade,
    encode,
)
from common.ipc.streams import CONTROL, Context, bind, open_context, receive, send
from common.keys import KeyStore, Pair, ViewerKey, read_viewer_key
from common.metrics.counters import Counters
from common.remote import IN_FLIGHT
from common.runtime.run_dir import open_run_dir
from compose.policy import State, Verdict
from display import remote
from display.afar import HERE_ONLY
from display.commands import Wishes
from display.relay.picture import card
from tests.call import free_port
from tests.pace import as_if_idle
from tests.processes.neighbours import child_of, end, stage, wait_for
from tests.processes.relayed import LIVE, ComposePlayed, ViewerPlayed, compose_played, grey_of
from tests.shared import ROOT


class Stage:
    """Compose, relay, and whoever watches."""

    def __init__(self, context: Context, run_dir: Path, compose: ComposePlayed, counters: Counters) -> None:
        self.context, self.compose, self.counters = context, compose, counters
        self.run_dir, self.address = run_dir, f"tcp://127.0.0.1:{free_port()}"
        self.store = KeyStore(run_dir / "keys")

    @contextmanager
    def relay(self, program: str = "display.relay", **settings: object) -> Iterator[int]:
        """A running relay; its pid."""
        at = {"relay": self.address, "keys": self.run_dir / "keys", **settings}
        with stage(program, self.run_dir, **at) as process:
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
def at(run_dir: Path, counters: Counters, segments: None) -> Iterator[Stage]:
    open_run_dir(run_dir)
    with compose_played(run_dir) as compose, open_context() as context:
        yield Stage(context, run_dir, compose, counters)


def test_after_a_sleep_nothing_of_before_goes_to_a_viewer(at: Stage) -> None:
    with at.relay("tests.faults.sleeper relay", curve="no") as pid:
        viewer = at.viewer()
        at.until("a picture", lambda: viewer.got, [viewer])
        before_ns, child = time.monotonic_ns(), child_of(pid)
        assert child is not None
        os.kill(child, signal.SIGUSR1)
        at.until("a picture of now", lambda: viewer.got[-1].captured_ns > before_ns, [viewer])
        viewer.got.clear()
        for _ in range(20):
            at.compose.publish(captured_ns=before_ns)
            time.sleep(0.01)
            viewer.look()
        at.until("more pictures", lambda: len(viewer.got) > 10, [viewer])
    assert all(message.captured_ns > before_ns for message in viewer.got)


def test_nothing_is_encoded_while_nobody_watches_and_who_comes_late_sees_what_is_now(at: Stage) -> None:
    with at.relay(curve="no"):
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
    with at.relay():
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
    with at.relay():
        anna, ben = (at.viewer(key) for key in keys)
        at.until("pictures for both", lambda: anna.got and ben.got, [anna, ben])
        at.store.revoke("anna")
        revoked_ns = time.monotonic_ns()
        at.until("the cut", lambda: at.sees_nothing(anna, beside=ben), [])
        assert as_if_idle((anna.got[-1].captured_ns - revoked_ns) / 1e9) < 1.2, "her last picture"
        assert at.sees_nothing(anna, beside=ben), "for good"
        again = at.viewer(keys[0])
        assert at.sees_nothing(again, beside=ben), "and it does not come in again"


def test_garbage_after_the_handshake_hurts_nobody(at: Stage) -> None:
    key = at.key("anna")
    with at.relay() as pid:
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
    with at.relay(allow_control="yes"):
        guest, host = (at.viewer(key) for key in keys)
        at.until("pictures for both", lambda: guest.got and host.got, [guest, host])
        send(guest.socket, WishMade(1, 1, SubjectAsked(3)))
        send(host.socket, WishMade(1, 1, PrivacySet(True)))
        at.until("the wish", lambda: control.poll(0), [guest, host])
        assert receive(control, WishMade, at.counters) == [WishMade(1, 1, PrivacySet(True))]
    with at.relay():
        again = at.viewer(keys[1])
        at.until("a picture", lambda: again.got, [again])
        send(again.socket, WishMade(1, 1, PrivacySet(True)))
        had = len(again.got)
        at.until("more pictures", lambda: len(again.got) > had + 50, [again])
        assert not control.poll(0), "without --allow-control nobody is heard"


def test_whoever_is_elsewhere_may_hide_and_choose_and_nothing_that_shows_more(at: Stage) -> None:
    control = bind(at.context, CONTROL, at.run_dir)
    key = at.key("host", control=True)
    refused: list[Wanted] = [
        PrivacySet(False), ViewSet(True), SubjectAsked(SubjectAsked.EVERYBODY), BackgroundSet("blur"), BackgroundSet(""),
    ]  # fmt: skip
    obeyed: list[Wanted] = [
        SubjectAsked(0),
        SubjectAsked(9),
        SubjectPointed(0.5, 0.5),
        ViewSet(False),
        PrivacySet(True),
    ]
    with stage("display.relay", at.run_dir, relay=at.address, keys=at.run_dir / "keys", allow_control="yes") as process:
        host = at.viewer(key)
        at.until("a picture", lambda: host.got, [host])
        host.socket.sndtimeo = 2000  # its queue is short
        for wanted in (*refused, *obeyed):
            host.socket.send(encode(WishMade(1, time.monotonic_ns(), wanted)))
        came: list[WishMade] = []

        def all_came() -> bool:
            came.extend(receive(control, WishMade, at.counters))
            return len(came) >= len(obeyed)

        at.until("the wishes", all_came, [host])
        assert [wish.wanted for wish in came] == obeyed, "in their order, and no other"
        _, said, _ = end(process)
    assert f"wish {HERE_ONLY} {len(refused)}" in said


@pytest.mark.parametrize("off_ns", [0, 10**15])
def test_a_wish_of_a_viewer_whose_clock_is_far_off_is_of_now(
    off_ns: int, at: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = bind(at.context, CONTROL, at.run_dir)
    file = at.store.new("host", control=True)
    clock = SimpleNamespace(monotonic=time.monotonic, monotonic_ns=lambda: time.monotonic_ns() + off_ns)
    monkeypatch.setattr(remote, "time", clock)
    with at.relay(allow_control="yes"):
        relayed = remote.open_relayed(at.context, DisplaySettings(connect=at.address, key=file), at.counters)
        wishes = Wishes(relayed.socket, at.counters, relayed.now_ns)
        shown: list[FrameComposed] = []

        def some() -> bool:
            shown.extend(message for message, _ in relayed.waiting())
            return len(shown) > 20

        at.until("pictures", some, [])
        begun_ns = time.monotonic_ns()
        wishes.add(shown[-1].epoch, SubjectAsked(0))
        wishes.pass_on()
        at.until("the wish", lambda: control.poll(0), [])
        (wish,) = receive(control, WishMade, at.counters)
        assert (wish.epoch, wish.wanted) == (1, SubjectAsked(0))
        assert begun_ns - 1_000_000_000 < wish.made_ns <= time.monotonic_ns(), "compose obeys it"


def test_a_viewer_who_says_too_much_keeps_nobody_waiting_and_the_future_is_now(at: Stage) -> None:
    control = bind(at.context, CONTROL, at.run_dir)
    keys = at.key("host", control=True), at.key("loud", control=True)
    with stage("display.relay", at.run_dir, relay=at.address, keys=at.run_dir / "keys", allow_control="yes") as process:
        host, loud = (at.viewer(key) for key in keys)
        at.until("pictures for both", lambda: host.got and loud.got, [host, loud])
        wish = encode(WishMade(1, 2**63 - 1, SubjectAsked(0)))
        loud.socket.sndtimeo = 2000
        for _ in range(3000):
            loud.socket.send(wish)
        send(host.socket, WishMade(1, 5, PrivacySet(True)))
        came: list[WishMade] = []

        def host_came() -> bool:
            came.extend(receive(control, WishMade, at.counters))
            return any(wish.wanted == PrivacySet(True) for wish in came)

        at.until("the other's wish", host_came, [host])
        assert all(wish.made_ns <= time.monotonic_ns() for wish in came)
        had = len(host.got)
        at.until("pictures", lambda: len(host.got) > had + 20, [host])
        _, said, _ = end(process)
    assert "wish more than 20 wishes a second" in said


@pytest.mark.parametrize("state", [State.OFF, State.INSTANCES])
def test_the_cameras_own_picture_goes_nowhere(state: State, at: Stage) -> None:
    key = at.key("anna")
    with at.relay(relay_quality=95):
        viewer = at.viewer(key)
        at.until("a picture", lambda: viewer.got, [viewer])
        for _ in range(3):  # back and forth: none slips through at a turn
            viewer.got.clear()
            own = Verdict(state, "turned off by hand", 50.0)

            def turn(own: Verdict = own) -> bool:
                at.compose.publish(own, privacy=False)
                time.sleep(0.01)
                viewer.look()
                return len([m for m in viewer.got if not m.privacy]) > 5

            wait_for("its messages", turn)
            at.until("live again", lambda: viewer.got[-1].privacy, [viewer])
            for message in viewer.got:
                if message.privacy:
                    assert grey_of(message) == pytest.approx(message.frame_id % 200, abs=2)
                    continue
                assert message.state == state
                picture = cv2.imdecode(np.frombuffer(message.jpeg, np.uint8), cv2.IMREAD_COLOR)
                assert picture is not None
                assert cv2.absdiff(picture, card(message.height, message.width)).mean() < 4, (
                    "a line on black, whatever it was"
                )


def test_what_the_person_in_front_is_asked_stays_there(at: Stage) -> None:
    assert "question" not in {field.name for field in fields(PictureRelayed)}
    key = at.key("anna")
    with at.relay():
        viewer = at.viewer(key)

        def turn() -> bool:
            at.compose.publish(LIVE._replace(question="are these two people you?"))
            time.sleep(0.01)
            return bool(viewer.look())

        wait_for("a picture", turn)
        assert all(b"are these" not in encode(message) for message in viewer.got)


def test_relay_and_viewer_come_back_in_turn(at: Stage) -> None:
    key = at.key("anna")
    with at.relay() as pid:
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
    key = at.key("anna")
    with at.relay() as pid:
        viewers = [at.viewer(key) for _ in range(50)]
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
    [
        ({"relay": "tcp://0.0.0.0:5999"}, "expected somebody who may watch"),
        ({"relay": "tcp://127.0.0.1:5999"}, "make a key with python -m common.keys new NAME"),
        ({"relay": "udp://x"}, "expected tcp://HOST:PORT"),
        ({"relay": "tcp://192.0.2.1:5999", "curve": "no"}, "--curve no: expected a relay on loopback"),
        ({"relay": "tcp://127.0.0.1:5999", "curve": "no", "allow_control": "yes"}, "--allow-control: expected keys"),
    ],
)
def test_without_keys_it_is_refused(run_dir: Path, settings: dict[str, object], said: str) -> None:
    with stage("display.relay", run_dir, keys=run_dir / "none", **settings) as process:
        _, text = process.communicate(timeout=60)
    assert (process.returncode, said in text, text.count("\n")) == (2, True, 1), text


def test_where_all_descriptors_are_held_who_watches_goes_on_and_who_is_listed_gets_in(at: Stage) -> None:
    """Strangers who connected and said nothing ended the call, or kept everybody out."""
    keys, most = (at.key("anna"), at.key("ben")), 64
    relay = (
        "import sys, resource; from pathlib import Path; from common.config import RelaySettings\n"
        "from common.runtime.child import Stop; from common.runtime.heartbeat import Pulse; from display.relay.serve import serve\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, {most}))\n"
        "settings = RelaySettings(run_dir=Path(sys.argv[1]), keys=Path(sys.argv[2]), relay=sys.argv[3])\n"
        "serve(settings, Stop(Pulse(0), [], 0))"
    )
    argv = [sys.executable, "-c", relay, str(at.run_dir), str(at.run_dir / "keys"), at.address]
    with subprocess.Popen(argv, cwd=ROOT) as process, ExitStack() as strangers:
        try:
            anna, ben = at.viewer(keys[0]), at.viewer(keys[1])
            ben.socket.close()
            at.until("a picture", lambda: anna.got, [anna])
            host, _, port = at.address.removeprefix("tcp://").rpartition(":")
            for _ in range(3 * most):
                strangers.enter_context(plain.create_connection((host, int(port)), timeout=5))

            def all_held() -> bool:
                return len(list(Path(f"/proc/{process.pid}/fd").iterdir())) == most

            at.until("the flood", all_held, [anna])
            had, late = len(anna.got), at.viewer(keys[1])
            at.until("pictures while all are held", lambda: len(anna.got) > had + 60 and all_held(), [anna])
            at.until("the other's first picture", lambda: late.got, [anna, late], patience_s=60)
            at.store.revoke("anna")
            at.until("the cut", lambda: at.sees_nothing(anna, beside=late), [])
            assert process.poll() is None
        finally:
            process.kill()


def test_a_taken_port_is_one_line(at: Stage) -> None:
    with plain.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with stage("display.relay", at.run_dir, relay=address, curve="no") as process:
            _, text = process.communicate(timeout=60)
    assert (process.returncode, "that is free" in text, text.count("\n")) == (2, True, 1), text


def test_off_it_waits_and_ends(run_dir: Path) -> None:
    with stage("display.relay", run_dir) as process:
        wait_for("the child", lambda: child_of(process.pid))
        time.sleep(0.3)
        code, said, took_s = end(process)
    assert (code, said, took_s < 2) == (0, "", True)
