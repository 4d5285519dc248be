"""Runs the real relay over real sockets; the test plays compose and the viewers."""

from __future__ import annotations

import os
import signal
import socket as plain
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import zmq

from common.ipc.codec import encode
from common.ipc.messages import CommandIssued, FrameComposed
from common.ipc.records import Command, SelectSubject, SelectSubjectAt, SetBackground, SetPrivacy, SetView
from common.ipc.streams import CONTROL, Context, bind, open_context, receive, send
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from compose.policy import Decision, State
from display import relay_reader
from display.commands import CommandQueue
from display.relay.keyring import KeyStore, Pair, ViewerKey, read_viewer_key
from display.relay.picture import card
from display.relay.sockets import IN_FLIGHT
from display.remote_policy import AT_CAMERA_ONLY
from display.settings import DisplaySettings
from tests.call import free_port
from tests.pace import as_if_idle
from tests.processes.neighbours import child_of, end, stage, wait_for
from tests.processes.relayed import LIVE, ComposePlayed, ViewerPlayed, compose_played, grey_of
from tests.shared import ROOT


class Stage:
    """Plays compose and viewers, and starts relays."""

    def __init__(self, context: Context, run_dir: Path, compose: ComposePlayed, counters: Counters) -> None:
        self.context, self.compose, self.counters = context, compose, counters
        self.run_dir, self.address = run_dir, f"tcp://127.0.0.1:{free_port()}"
        self.store = KeyStore(run_dir / "keys")

    @contextmanager
    def relay(self, program: str = "display.relay", **settings: object) -> Iterator[int]:
        """Start a relay; yield its pid."""
        at = {"relay": self.address, "keys": self.run_dir / "keys", **settings}
        with stage(program, self.run_dir, **at) as process:
            yield process.pid
            if process.poll() is None:
                code, said, _ = end(process)
                assert (code, "crashed" in said) == (0, False), said

    def key(self, name: str, control: bool = False) -> ViewerKey:
        return read_viewer_key(self.store.new(name, self.run_dir, control))

    def viewer(self, key: ViewerKey | None = None) -> ViewerPlayed:
        return ViewerPlayed(self.context, self.address, key, self.counters)

    def until(self, what: str, look: Callable[[], object], viewers: list[ViewerPlayed], patience_s: float = 20) -> None:
        """Publish and let `viewers` take pictures until `look` returns something true."""

        def turn() -> object:
            self.compose.publish()
            time.sleep(0.01)
            for viewer in viewers:
                viewer.look()
            return look()

        wait_for(what, turn, patience_s)

    def sees_nothing(self, viewer: ViewerPlayed, beside: ViewerPlayed) -> bool:
        """Return whether `viewer` gets no picture while `beside` gets forty."""
        had, others = len(viewer.got), len(beside.got)
        self.until("pictures for the other", lambda: len(beside.got) > others + 40, [viewer, beside])
        return len(viewer.got) == had


@pytest.fixture
def at(run_dir: Path, counters: Counters, segments: None) -> Iterator[Stage]:
    open_run_dir(run_dir)
    with compose_played(run_dir) as compose, open_context() as context:
        yield Stage(context, run_dir, compose, counters)


def test_pictures_of_before_a_sleep_are_not_sent(at: Stage) -> None:
    with at.relay("tests.faults.sleeper relay", curve="no") as pid:
        viewer = at.viewer()
        at.until("a picture", lambda: viewer.got, [viewer])
        before_ns, child = time.monotonic_ns(), child_of(pid)
        assert child is not None
        os.kill(child, signal.SIGUSR1)
        at.until("a picture of now", lambda: viewer.got[-1].composite.frame.captured_ns > before_ns, [viewer])
        viewer.got.clear()
        for _ in range(20):
            at.compose.publish(captured_ns=before_ns)
            time.sleep(0.01)
            viewer.look()
        at.until("more pictures", lambda: len(viewer.got) > 10, [viewer])
    assert all(message.composite.frame.captured_ns > before_ns for message in viewer.got)


def test_nothing_is_encoded_without_viewers_and_a_new_viewer_gets_the_present_picture(at: Stage) -> None:
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
        assert grey_of(late.got[0]) == pytest.approx(late.got[0].composite.frame.frame_id % 200, abs=2)
        assert at.compose.number - late.got[0].composite.frame.frame_id < 10


def test_only_viewers_with_listed_keys_get_pictures(at: Stage) -> None:
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


def test_a_viewer_with_a_revoked_key_is_cut_off_alone(at: Stage) -> None:
    keys = at.key("anna"), at.key("ben")
    with at.relay():
        anna, ben = (at.viewer(key) for key in keys)
        at.until("pictures for both", lambda: anna.got and ben.got, [anna, ben])
        at.store.revoke("anna")
        revoked_ns = time.monotonic_ns()
        at.until("the cut", lambda: at.sees_nothing(anna, beside=ben), [])
        assert as_if_idle((anna.got[-1].composite.frame.captured_ns - revoked_ns) / 1e9) < 1.2, "her last picture"
        assert at.sees_nothing(anna, beside=ben), "for good"
        again = at.viewer(keys[0])
        assert at.sees_nothing(again, beside=ben), "its key opens no new connection"


def test_malformed_messages_of_one_viewer_do_not_disturb_another(at: Stage) -> None:
    key = at.key("anna")
    with at.relay() as pid:
        good, bad = at.viewer(key), at.viewer(key)
        at.until("a picture", lambda: good.got and bad.got, [good, bad])
        child = child_of(pid)
        for junk in (b"", b"\xc1", b"x" * 4000, encode(CommandIssued(1, 1, SetPrivacy(False))), bytes(200)):
            bad.socket.send(junk)
            bad.socket.send_multipart([junk, junk, junk])
        had = len(good.got)
        at.until("more pictures", lambda: len(good.got) > had + 50, [good])
        bad.socket.send(b"x" * 100_000)  # larger than any command: the connection is cut
        at.until("more pictures", lambda: len(good.got) > had + 100, [good])
        assert child_of(pid) == child, "the relay was not restarted"


def test_commands_need_a_permitted_key_and_a_permitting_relay(at: Stage) -> None:
    control = bind(at.context, CONTROL, at.run_dir)
    keys = at.key("guest"), at.key("host", control=True)
    with at.relay(allow_control="yes"):
        guest, host = (at.viewer(key) for key in keys)
        at.until("pictures for both", lambda: guest.got and host.got, [guest, host])
        send(guest.socket, CommandIssued(1, 1, SelectSubject(3)))
        send(host.socket, CommandIssued(1, 1, SetPrivacy(True)))
        at.until("the command", lambda: control.poll(0), [guest, host])
        assert receive(control, CommandIssued, at.counters) == [CommandIssued(1, 1, SetPrivacy(True))]
    with at.relay():
        again = at.viewer(keys[1])
        at.until("a picture", lambda: again.got, [again])
        send(again.socket, CommandIssued(1, 1, SetPrivacy(True)))
        had = len(again.got)
        at.until("more pictures", lambda: len(again.got) > had + 50, [again])
        assert not control.poll(0), "without --allow-control no command passes"


def test_the_relay_refuses_commands_that_show_more(at: Stage) -> None:
    control = bind(at.context, CONTROL, at.run_dir)
    key = at.key("host", control=True)
    refused: list[Command] = [
        SetPrivacy(False), SetView(True), SelectSubject(SelectSubject.EVERYBODY), SetBackground("blur"), SetBackground(""),
    ]  # fmt: skip
    obeyed: list[Command] = [
        SelectSubject(0),
        SelectSubject(9),
        SelectSubjectAt(0.5, 0.5),
        SetView(False),
        SetPrivacy(True),
    ]
    with stage("display.relay", at.run_dir, relay=at.address, keys=at.run_dir / "keys", allow_control="yes") as process:
        host = at.viewer(key)
        at.until("a picture", lambda: host.got, [host])
        host.socket.sndtimeo = 2000  # its queue is short
        for command in (*refused, *obeyed):
            host.socket.send(encode(CommandIssued(1, time.monotonic_ns(), command)))
        came: list[CommandIssued] = []

        def all_came() -> bool:
            came.extend(receive(control, CommandIssued, at.counters))
            return len(came) >= len(obeyed)

        at.until("the commands", all_came, [host])
        assert [issued.command for issued in came] == obeyed, "in their order, and no other"
        _, said, _ = end(process)
    assert f"command {AT_CAMERA_ONLY} {len(refused)}" in said


@pytest.mark.parametrize("off_ns", [0, 10**15])
def test_a_command_of_a_viewer_with_another_clock_has_the_present_time(
    off_ns: int, at: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = bind(at.context, CONTROL, at.run_dir)
    file = at.store.new("host", at.run_dir, control=True)
    clock = SimpleNamespace(monotonic=time.monotonic, monotonic_ns=lambda: time.monotonic_ns() + off_ns)
    monkeypatch.setattr(relay_reader, "time", clock)
    with at.relay(allow_control="yes"):
        relayed = relay_reader.open_relay_reader(at.context, DisplaySettings(connect=at.address, key=file), at.counters)
        commands = CommandQueue(relayed.socket, at.counters, relayed.now_ns)
        shown: list[FrameComposed] = []

        def some() -> bool:
            shown.extend(message for message, _ in relayed.receive())
            return len(shown) > 20

        at.until("pictures", some, [])
        begun_ns = time.monotonic_ns()
        commands.add(shown[-1].frame.epoch, SelectSubject(0))
        commands.flush()
        at.until("the command", lambda: control.poll(0), [])
        (issued,) = receive(control, CommandIssued, at.counters)
        assert (issued.epoch, issued.command) == (1, SelectSubject(0))
        assert begun_ns - 1_000_000_000 < issued.issued_ns <= time.monotonic_ns(), "recent enough for compose"


def test_a_flood_of_commands_delays_nobody_and_no_command_is_from_the_future(at: Stage) -> None:
    control = bind(at.context, CONTROL, at.run_dir)
    keys = at.key("host", control=True), at.key("loud", control=True)
    with stage("display.relay", at.run_dir, relay=at.address, keys=at.run_dir / "keys", allow_control="yes") as process:
        host, loud = (at.viewer(key) for key in keys)
        at.until("pictures for both", lambda: host.got and loud.got, [host, loud])
        command = encode(CommandIssued(1, 2**63 - 1, SelectSubject(0)))
        loud.socket.sndtimeo = 2000
        for _ in range(3000):
            loud.socket.send(command)
        send(host.socket, CommandIssued(1, 5, SetPrivacy(True)))
        came: list[CommandIssued] = []

        def host_came() -> bool:
            came.extend(receive(control, CommandIssued, at.counters))
            return any(issued.command == SetPrivacy(True) for issued in came)

        at.until("the other's command", host_came, [host])
        assert all(issued.issued_ns <= time.monotonic_ns() for issued in came)
        had = len(host.got)
        at.until("pictures", lambda: len(host.got) > had + 20, [host])
        _, said, _ = end(process)
    assert "command more than 20 commands a second" in said


@pytest.mark.parametrize("state", [State.OFF, State.INSTANCES])
def test_the_relay_never_sends_the_cameras_own_picture(state: State, at: Stage) -> None:
    key = at.key("anna")
    with at.relay(relay_quality=95):
        viewer = at.viewer(key)
        at.until("a picture", lambda: viewer.got, [viewer])
        for _ in range(3):  # back and forth: none slips through at a turn
            viewer.got.clear()
            own = Decision(state, "turned off by hand", 50.0)

            def turn(own: Decision = own) -> bool:
                at.compose.publish(own, privacy=False)
                time.sleep(0.01)
                viewer.look()
                return len([m for m in viewer.got if not m.composite.privacy]) > 5

            wait_for("its messages", turn)
            at.until("live again", lambda: viewer.got[-1].composite.privacy, [viewer])
            for message in viewer.got:
                if message.composite.privacy:
                    assert grey_of(message) == pytest.approx(message.composite.frame.frame_id % 200, abs=2)
                    continue
                assert message.composite.state == state
                picture = cv2.imdecode(np.frombuffer(message.jpeg, np.uint8), cv2.IMREAD_COLOR)
                assert picture is not None
                assert (
                    cv2.absdiff(picture, card(message.composite.frame.height, message.composite.frame.width)).mean() < 4
                ), "a line on black, whatever it was"


def test_questions_of_the_call_are_not_relayed(at: Stage) -> None:
    key = at.key("anna")
    with at.relay():
        viewer = at.viewer(key)

        def turn() -> bool:
            at.compose.publish(LIVE._replace(question="are these two people you?"))
            time.sleep(0.01)
            return bool(viewer.look())

        wait_for("a picture", turn)
        assert all(b"are these" not in encode(message) for message in viewer.got)


def test_relay_and_viewer_reconnect_after_a_restart(at: Stage) -> None:
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


def test_one_stopped_viewer_does_not_slow_down_fifty(at: Stage) -> None:
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
        assert len(stopped.look()) <= IN_FLIGHT, "no more pictures were in flight to it"
        assert child_of(pid) is not None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"relay": "tcp://0.0.0.0:5999"}, "expected somebody who may watch"),
        ({"relay": "tcp://127.0.0.1:5999"}, "make a key with python -m display.relay.keyring new NAME"),
        ({"relay": "udp://x"}, "expected tcp://HOST:PORT"),
        ({"relay": "tcp://192.0.2.1:5999", "curve": "no"}, "--curve no: expected a relay on loopback"),
        ({"relay": "tcp://127.0.0.1:5999", "curve": "no", "allow_control": "yes"}, "--allow-control: expected keys"),
    ],
)
def test_a_relay_without_keys_or_with_wrong_settings_does_not_start(
    run_dir: Path, settings: dict[str, object], said: str
) -> None:
    with stage("display.relay", run_dir, keys=run_dir / "none", **settings) as process:
        _, text = process.communicate(timeout=60)
    assert (process.returncode, said in text, text.count("\n")) == (2, True, 1), text


def test_with_all_descriptors_taken_viewers_go_on_and_listed_keys_get_in(at: Stage) -> None:
    """Peers that connected and sent nothing ended the call, or kept everybody out."""
    keys, most = (at.key("anna"), at.key("ben")), 64
    relay = (
        "import sys, resource; from pathlib import Path; from display.relay.settings import RelaySettings\n"
        "from common.runtime.heartbeat import Heartbeat; from common.runtime.stage_context import StageContext\n"
        "from display.relay.serve import serve\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, {most}))\n"
        "settings = RelaySettings(run_dir=Path(sys.argv[1]), keys=Path(sys.argv[2]), relay=sys.argv[3])\n"
        "serve(settings, StageContext(Heartbeat(0), [], 0))"
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


def test_a_taken_port_is_an_error_of_one_line(at: Stage) -> None:
    with plain.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with stage("display.relay", at.run_dir, relay=address, curve="no") as process:
            _, text = process.communicate(timeout=60)
    assert (process.returncode, "that is free" in text, text.count("\n")) == (2, True, 1), text
    assert f"(pid {os.getpid()})" in text, "this process has the port"


def test_a_relay_without_an_address_waits_until_it_is_stopped(run_dir: Path) -> None:
    with stage("display.relay", run_dir) as process:
        wait_for("the child", lambda: child_of(process.pid))
        time.sleep(0.3)
        code, said, took_s = end(process)
    assert (code, said, took_s < 2) == (0, "", True)
