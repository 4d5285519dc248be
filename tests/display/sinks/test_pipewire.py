from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from common.errors import DisplayError
from common.findings import Level
from common.metrics.metrics import metrics, path_of
from display import checks
from display.meter import Meter
from display.settings import DisplaySettings, node_name
from display.sinks import factory, pipewire_library
from display.sinks.camera import CameraSink
from display.sinks.pipewire import BGRX, I420, YUY2, PipeWireDevice, layouts
from display.sinks.pipewire_node import PipeWireNode
from display.virtual_cameras import PIPEWIRE, VirtualCamera, virtual_cameras
from tests.background import Background
from tests.display.sinks.test_camera import MESSAGE
from tests.pipewire import Consumer, Session, pipewire_session
from tests.processes.neighbours import wait_for

WIDTH, HEIGHT = 160, 96
NEAR = 4  # grey levels that a picture changes by on its way through I420 and back


@pytest.fixture(scope="module")
def shared_session() -> Iterator[Session]:
    with pipewire_session() as session:
        yield session


@pytest.fixture
def session(shared_session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Point this process at the test's own PipeWire."""
    for name, value in shared_session.environment.items():
        monkeypatch.setenv(name, value)
    return shared_session


class Sender(Background):
    """Sends a picture of another grey thirty times a second, and remembers which was the last."""

    def __init__(self, device: PipeWireDevice) -> None:
        super().__init__()
        self._device = device
        self.grey = 0

    def run(self) -> None:
        """See Background."""
        while not self.stopping.wait(1 / 30):
            self.grey = (self.grey + 1) % 200
            self._device.send(np.full((HEIGHT, WIDTH, 3), 20 + self.grey, np.uint8))

    def is_current(self, picture: np.ndarray, since: int) -> bool:
        """Whether a picture is one of those that were sent since the grey was `since`."""
        return (round(float(picture.mean())) - 20 - since + NEAR) % 200 <= (self.grey - since) % 200 + 2 * NEAR


@pytest.fixture
def device(session: Session) -> Iterator[PipeWireDevice]:
    made = PipeWireDevice(WIDTH, HEIGHT, 30.0, "onlyme")
    yield made
    made.close()
    wait_for("the end of the node", lambda: session.node("onlyme") is None)


@pytest.mark.pipewire
def test_the_node_is_a_camera_of_the_given_name(session: Session, device: PipeWireDevice) -> None:
    node = wait_for("the node", lambda: session.node("onlyme"))
    told = node["info"]["props"]
    assert (told["media.class"], told["media.role"]) == ("Video/Source", "Camera")
    assert (told["node.name"], told["node.description"]) == ("onlyme", "onlyme")
    offers = node["info"]["params"]["EnumFormat"]
    assert [offer["format"] for offer in offers] == ["I420", "YUY2", "BGRx"]
    assert {(o["size"]["width"], o["size"]["height"], o["framerate"]["num"]) for o in offers} == {(WIDTH, HEIGHT, 30)}


@pytest.mark.pipewire
def test_each_consumer_gets_its_format_and_begins_with_a_current_picture(
    session: Session, device: PipeWireDevice
) -> None:
    serial = wait_for("the node", lambda: session.node("onlyme"))["info"]["props"]["object.serial"]
    with Sender(device) as sender:
        for video_format in ("I420", "BGRx", "YUY2", "I420"):
            since = sender.grey
            with Consumer(session, "onlyme", (WIDTH, HEIGHT), video_format) as consumer:
                wait_for(f"pictures as {video_format}", lambda: len(consumer.got) >= 10)
                assert device.is_watched
                assert sender.is_current(consumer.got[0], since), "an old picture came first"
                assert not sender.is_current(np.full(3, 20 + since - 3 * NEAR), since), "the negative control"
            wait_for("the consumer's end", lambda: not device.is_watched)
    node = session.node("onlyme")
    assert node is not None and node["info"]["props"]["object.serial"] == serial, "the node stays"


@pytest.mark.pipewire
def test_two_consumers_of_which_one_stands_still(session: Session, device: PipeWireDevice) -> None:
    size_wh = (WIDTH, HEIGHT)
    with (
        Sender(device) as sender,
        Consumer(session, "onlyme", size_wh) as first,
        Consumer(session, "onlyme", size_wh) as other,
    ):
        wait_for("pictures for both", lambda: len(first.got) > 5 and len(other.got) > 5)
        first.process.send_signal(signal.SIGSTOP)
        had, since = len(other.got), sender.grey
        wait_for("pictures for the other one", lambda: len(other.got) > had + 30)
        assert sender.is_current(other.got[-1], since)
        first.process.kill()
        had, since = len(other.got), sender.grey
        wait_for("pictures after its end", lambda: len(other.got) > had + 10)
        assert sender.is_current(other.got[-1], since)


@pytest.mark.pipewire
def test_who_comes_after_a_consumer_that_stood_still_gets_a_current_picture(
    session: Session, device: PipeWireDevice
) -> None:
    with Sender(device) as sender:
        with Consumer(session, "onlyme", (WIDTH, HEIGHT)) as first:
            wait_for("pictures", lambda: len(first.got) > 5)
            first.process.send_signal(signal.SIGSTOP)
            passed = sender.grey
            wait_for("a second", lambda: (sender.grey - passed) % 200 > 30)
        since = sender.grey
        with Consumer(session, "onlyme", (WIDTH, HEIGHT)) as second:
            wait_for("pictures", lambda: len(second.got) > 5)
            assert sender.is_current(second.got[0], since)


@pytest.mark.pipewire
@pytest.mark.parametrize("is_alone", [True, False])
def test_consumers_that_are_killed_take_no_buffer_with_them(
    session: Session, device: PipeWireDevice, is_alone: bool
) -> None:
    """PipeWire forgot the buffer of each, and the ninth got nothing."""
    with ExitStack() as stack:
        stack.enter_context(Sender(device))
        if not is_alone:
            steady = stack.enter_context(Consumer(session, "onlyme", (WIDTH, HEIGHT)))
            wait_for("pictures", lambda: len(steady.got) > 3)
        for number in range(10):
            with Consumer(session, "onlyme", (WIDTH, HEIGHT)) as consumer:
                wait_for(f"pictures for consumer {number}", lambda: len(consumer.got) > 3)
        if not is_alone:
            had = len(steady.got)
            wait_for("pictures for the one that stayed", lambda: len(steady.got) > had + 3)


@pytest.mark.pipewire
def test_without_a_consumer_nothing_is_converted(
    session: Session, device: PipeWireDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PipeWireNode, "send", lambda *_: pytest.fail("a picture was sent to nobody"))
    device.send(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert not device.is_watched


@pytest.mark.pipewire
def test_the_sink_keeps_its_node_while_the_source_changes_size(session: Session, run_dir: Path) -> None:
    sink = factory.open_sink(DisplaySettings(sink="pipewire", camera_name="my camera"))
    assert isinstance(sink, CameraSink) and not sink.local
    bright = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    sink.show(bright, MESSAGE, Meter())
    metrics.flush(path_of(run_dir, "display.1"))
    assert VirtualCamera(PIPEWIRE, "my camera", "my camera", is_fed=True) in virtual_cameras(run_dir), (
        "the page is told"
    )
    node = wait_for("the node", lambda: session.node("my camera"))
    with Consumer(session, "my camera", (WIDTH, HEIGHT)) as consumer:

        def has(what: str, level: float) -> bool:
            sink.poll()
            return bool(consumer.got) and abs(consumer.got[-1].mean() - level) < NEAR

        wait_for("the picture", lambda: has("the picture", 200))
        sink.show(np.full((200, 100, 3), 200, np.uint8), MESSAGE, Meter())
        wait_for("the picture with bars", lambda: has("bars", 200 * 48 / WIDTH))
        sink.blank("compose has ended")
        wait_for("the card", lambda: has("the card", 0) or has("the card", NEAR + 2))
    after = session.node("my camera")
    assert after is not None and after["id"] == node["id"]
    sink.close()


@pytest.mark.pipewire
def test_a_pipewire_that_ends_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipewire_session() as own:
        for name, value in own.environment.items():
            monkeypatch.setenv(name, value)
        device = PipeWireDevice(WIDTH, HEIGHT, 30.0, "onlyme")
        own.end()
        with pytest.raises(DisplayError, match="--sink pipewire: PipeWire has gone"):
            wait_for("the loss", lambda: device.send(np.zeros((HEIGHT, WIDTH, 3), np.uint8)))
        device.close()


@pytest.mark.pipewire
def test_without_a_running_pipewire_one_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPEWIRE_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(DisplayError, match=r"a PipeWire that runs, got: .*systemctl --user start") as caught:
        PipeWireDevice(WIDTH, HEIGHT, 30.0, "onlyme")
    assert "\n" not in str(caught.value)
    assert checks.check_pipewire().level is Level.NOTE


@pytest.mark.pipewire
def test_the_doctor_finds_a_running_pipewire(session: Session) -> None:
    assert checks.check_pipewire().level is Level.OK


def test_without_the_library_one_line_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipewire_library, "LIBRARY", "libnone-0.3.so.0")
    pipewire_library.library.cache_clear()
    with pytest.raises(DisplayError, match=r"libnone-0.3.so.0.*apt-get install pipewire wireplumber as root$"):
        PipeWireDevice(WIDTH, HEIGHT, 30.0, "onlyme")
    found = checks.check_pipewire()
    assert found.level is Level.NOTE and "apt-get install" in found.hint


def test_the_planes_of_i420_are_offered_only_where_everybody_finds_them() -> None:
    assert list(layouts(1280, 720)) == [I420, YUY2, BGRX]
    assert list(layouts(1366, 768)) == [YUY2, BGRX]
    assert layouts(1280, 720)[I420] == (1280 * 720 * 3 // 2, 1280)


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "two\nlines"])
def test_a_name_that_nobody_can_choose_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        node_name(name)
    assert node_name("Ann's camera") == "Ann's camera"
