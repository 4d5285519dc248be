"""The real compose; the test plays capture, a worker and a display."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import msgpack
import numpy as np
import pytest
import zmq

from capture.demo import DemoScene
from capture.loop import FramePublisher
from capture.sources.source import SourceFrame
from common.ipc.codec import SCHEMA_VERSION, encode
from common.ipc.messages import CommandIssued, FrameCaptured, FrameComposed, MasksInferred
from common.ipc.records import (
    Command,
    FrameInfo,
    Instance,
    ResetStyle,
    SetBackground,
    SetBlur,
    SetEdge,
    SetFollow,
    SetHide,
    SetPrivacy,
    SetView,
    Style,
)
from common.ipc.ring import RingCache
from common.ipc.streams import COMPOSITES, CONTROL, MASKS, connect, open_context, receive, send
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from common.settings.saved import save, saved_file
from compose.picture.renderer import CARD_BGR, write_notice
from compose.policy import ENTRY_NS, IDLE, MAX_COMMAND_AGE_NS
from tests.faults.worker import instance_of
from tests.processes.neighbours import child_of, end, stage, wait_for
from tests.segments import new_since, segment_names

NOISE = np.random.default_rng(5).integers(0, 256, (120, 160, 3), dtype=np.uint8)
PERSON = Instance(0, 0.9, (0.25, 0.25, 0.75, 1.0), 15, 15, bytes([255] * 225))


class Neighbours:
    """Capture, worker and display of one compose."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        frames: FramePublisher,
        process: subprocess.Popen[str],
        run_dir: Path,
        counters: Counters,
    ) -> None:
        self.frames, self.process, self.run_dir, self.counters = frames, process, run_dir, counters
        self.composites = connect(context, COMPOSITES, run_dir)
        self.masks = connect(context, MASKS, run_dir)
        self.control = connect(context, CONTROL, run_dir)
        self.ring = RingCache()
        self.number = 0
        self.said = ""  # once it has ended
        wait_for("compose", self.step)

    def publish(self, picture: np.ndarray = NOISE) -> FrameInfo:
        self.number += 1
        return self.frames.publish(SourceFrame(picture, self.number, time.monotonic_ns()))

    def step(self, picture: np.ndarray = NOISE) -> tuple[FrameComposed, np.ndarray] | None:
        """Publish a frame; the newest composite and its pixels, if one came within a moment."""
        self.publish(picture)
        if not self.composites.poll(200):
            return None
        message = receive(self.composites, FrameComposed, self.counters)[-1]
        pixels = self.ring.read(
            message.frame.segment, message.frame.sequence, (message.frame.height, message.frame.width, 3), None
        )
        return None if pixels is None else (message, pixels)

    def newest(self, where: Callable[[FrameComposed], bool]) -> tuple[FrameComposed, np.ndarray] | None:
        """The newest composite for which `where` holds and its pixels, no frame being published."""
        for message in reversed(receive(self.composites, FrameComposed, self.counters)):
            shape = (message.frame.height, message.frame.width, 3)
            pixels = self.ring.read(message.frame.segment, message.frame.sequence, shape, None)
            if where(message) and pixels is not None:
                return message, pixels
        return None

    def composite(
        self, where: Callable[[FrameComposed], bool] = lambda _: True, picture: np.ndarray = NOISE
    ) -> tuple[FrameComposed, np.ndarray]:
        """The first composite for which `where` holds, frames being published meanwhile."""

        def look() -> tuple[FrameComposed, np.ndarray] | None:
            got = self.step(picture)
            return got if got and where(got[0]) else None

        return wait_for("a composite", look)

    def composed(self, picture: np.ndarray) -> tuple[FrameComposed, np.ndarray]:
        """Publish a frame; its own composite and the pixels."""
        number = self.publish(picture).source_index

        def look() -> tuple[FrameComposed, np.ndarray] | None:
            for message in receive(self.composites, FrameComposed, self.counters):
                frame = message.frame
                if frame.source_index == number and message.state != "lost":
                    pixels = self.ring.read(frame.segment, frame.sequence, (frame.height, frame.width, 3), None)
                    return None if pixels is None else (message, pixels)
            return None

        return wait_for("the composite of the frame", look)

    def ask(self, wanted: Command, epoch: int | None = None, issued_ns: int | None = None) -> None:
        """Want something of compose, as a display does, as soon as its door is open."""
        epoch = self.composite()[0].frame.epoch if epoch is None else epoch
        command = CommandIssued(epoch, time.monotonic_ns() if issued_ns is None else issued_ns, wanted)
        wait_for("compose's door", lambda: send(self.control, command))

    def found(self, of: FrameInfo, **changed: Any) -> None:
        """Answer a frame as a worker. Results and frames come through two queues: the next frame may be composed first."""
        result = MasksInferred(of.epoch, of.frame_id, of.captured_ns, 1, "w", "model", (PERSON,))
        wait_for("compose's door", lambda: send(self.masks, replace(result, **changed)))

    def until_live(self) -> tuple[FrameComposed, np.ndarray]:
        """A live composite after the fading in."""
        live_since: list[float] = []

        def look() -> tuple[FrameComposed, np.ndarray] | None:
            self.found(self.publish())
            got = self.step()
            if not got or got[0].state != "live":
                live_since.clear()
                return None
            live_since.append(time.monotonic())
            time.sleep(1 / 60)  # a camera's pace: compose is to compose every frame
            return got if live_since[-1] - live_since[0] > 2 * ENTRY_NS / 1e9 else None

        return wait_for("live", look)


@pytest.fixture(scope="module")
def compose_of_the_module() -> Iterator[Neighbours]:
    """Run one compose for all tests of the module that do not need their own."""
    before = segment_names()
    with (
        tempfile.TemporaryDirectory(prefix="onlyme-") as folder,
        composing(Path(folder) / "run", Counters(logging.getLogger("test"))) as neighbours,
    ):
        yield neighbours
    assert new_since(before) == set(), "a segment was left in shared memory"


@pytest.fixture
def compose(compose_of_the_module: Neighbours) -> Neighbours:
    """Give a test the module's compose at the beginning of a stream, whatever the test before it did."""
    compose_of_the_module.frames.source_lost("another test begins")
    epoch = compose_of_the_module.publish().epoch
    compose_of_the_module.composite(lambda m: m.frame.epoch == epoch and m.state in ("starting", "hidden"))
    return compose_of_the_module


@contextmanager
def composing(run_dir: Path, counters: Counters, program: str = "compose", **settings: object) -> Iterator[Neighbours]:
    open_run_dir(run_dir)
    with (
        open_context() as context,
        FramePublisher(context, run_dir) as frames,
        # noise holds no person that a matte could see
        stage(program, run_dir, **{"refine": "none", **settings}) as process,
    ):
        neighbours = Neighbours(context, frames, process, run_dir, counters)
        yield neighbours
        code, neighbours.said, took_s = end(process)
        assert (code, "crashed" in neighbours.said, took_s < 2) == (0, False, True), neighbours.said


def is_hidden(pixels: np.ndarray) -> bool:
    """Noise has a standard deviation of 74 grey levels, blurred by default less than 8."""
    return float(pixels.std()) < 8


def test_without_any_mask_the_picture_is_fully_blurred(run_dir: Path, counters: Counters, segments: None) -> None:
    with composing(run_dir, counters) as compose:
        for _ in range(5):
            message, pixels = compose.composite()
            assert (message.state, message.reason) == ("starting", "no mask yet")
            assert message.mask_age_ms == -1.0
            assert is_hidden(pixels)


def test_a_fresh_mask_shows_the_person_and_nothing_else(compose: Neighbours) -> None:
    message, pixels = compose.until_live()
    assert 0 < message.mask_age_ms < 750
    assert (pixels[50:, 60:100] == NOISE[50:, 60:100]).all()
    assert is_hidden(pixels[:20]) and is_hidden(pixels[:, :30]) and is_hidden(pixels[:, 130:])


def test_a_frame_that_stands_is_shown_when_its_own_mask_comes(compose: Neighbours) -> None:
    """Of a slow source no other frame comes that could show it."""
    compose.found(compose.publish())
    message, _ = wait_for("a composite", lambda: compose.newest(lambda m: m.state == "live"))
    assert (message.frame.source_index, message.reason) == (compose.number, "")


def test_a_source_of_less_than_two_frames_a_second_is_never_hidden_by_its_rhythm(compose: Neighbours) -> None:
    states = []
    for _ in range(5):
        frame = compose.publish()
        time.sleep(0.1)  # a look takes its time, and nobody is hidden until then
        compose.found(frame)
        time.sleep(0.7)
        states.append({m.state for m in receive(compose.composites, FrameComposed, compose.counters)})
    assert states[-2:] == [{"live"}] * 2, states


def test_an_aged_mask_hides_everything(compose: Neighbours) -> None:
    compose.until_live()
    message, pixels = compose.composite(lambda m: m.state == "hidden")
    assert message.reason == "mask older than 750 ms"
    assert is_hidden(pixels)


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"epoch": 12345}, "of another epoch"),
        ({"captured_ns": 2**62}, "from the future"),
        ({"instances": ()}, ""),
        ({"instances": (replace(PERSON, score=0.3),)}, ""),
        ({"instances": (replace(PERSON, class_id=17),)}, ""),
    ],
)
def test_a_result_that_holds_nobody_of_this_epoch_shows_nobody(
    changed: dict[str, object], refused: str, run_dir: Path, counters: Counters, segments: None
) -> None:
    with composing(run_dir, counters) as compose:
        for number in range(3):
            compose.found(compose.publish(), model=f"model {number}", **changed)
            for _ in range(5):
                message, pixels = compose.composite()
                assert message.state in ("starting", "hidden")
                assert is_hidden(pixels)
        if not refused:
            message, pixels = compose.composite(lambda m: m.model == "model 2")
            assert (message.state, is_hidden(pixels)) == ("hidden", True)
    if refused:
        assert f"masks {refused} 3" in compose.said, "it heard them all"


def test_the_person_fades_in(compose: Neighbours) -> None:
    contrast: list[float] = []
    while not contrast or contrast[-1] < 70:
        compose.found(compose.publish())
        message, pixels = compose.step() or wait_for("a composite", compose.step)
        if message.state == "live":
            contrast.append(float(pixels[60:, 65:95].std()))
    assert contrast[0] < 40, "noise has a standard deviation of 74"
    seen = [one for one in contrast if one > 10]  # fainter, the blurred noise behind the person outweighs it
    assert len(contrast) >= 3 and len(seen) >= 2 and seen == sorted(seen)


def test_frames_that_stop_are_replaced_by_a_card(compose: Neighbours) -> None:
    compose.until_live()
    cards = []

    def look() -> bool:
        cards.extend(receive(compose.composites, FrameComposed, compose.counters))
        return len(cards) >= 3 and cards[-1].state == "lost"

    stopped_ns = time.monotonic_ns()
    wait_for("cards", look)
    cards = [c for c in cards if c.state == "lost"]
    assert {c.reason for c in cards} == {"no frame comes from capture"}
    assert (cards[0].composed_ns - stopped_ns) / 1e6 > 300
    pixels = compose.ring.read(cards[-1].frame.segment, cards[-1].frame.sequence, (120, 160, 3), None)
    assert pixels is not None and (pixels[:90] == CARD_BGR).all()
    assert compose.step() is not None
    assert compose.composite()[0].state != "lost"


@pytest.mark.parametrize("silent_s", [1.0, 2.2])
def test_two_seconds_without_a_frame_are_a_loss_and_one_is_not(silent_s: float, compose: Neighbours) -> None:
    message, _ = compose.until_live()
    compose.ask(SetPrivacy(False))
    compose.composite(lambda m: not m.privacy)
    silent_until, cards = time.monotonic() + silent_s, []
    while time.monotonic() < silent_until:
        compose.composites.poll(50)
        cards += receive(compose.composites, FrameComposed, compose.counters)
    assert cards[-1].state == "lost"
    after, pixels = compose.composite(lambda m: m.state != "lost")
    assert (after.frame.epoch, after.privacy, is_hidden(pixels)) == (message.frame.epoch, silent_s > 2, silent_s > 2)


def test_a_compose_that_stood_still_closes_first(compose: Neighbours) -> None:
    """Everything was stopped for seconds, and goes on: whoever sits there now may be another one."""
    message, _ = compose.until_live()
    compose.ask(SetPrivacy(False))
    compose.composite(lambda m: not m.privacy)
    child = child_of(compose.process.pid)
    assert child is not None
    os.kill(child, signal.SIGSTOP)
    time.sleep(2.2)  # capture is silent meanwhile
    stopped_until_ns = time.monotonic_ns()
    os.kill(child, signal.SIGCONT)
    seen: list[FrameComposed] = []

    def closed(composed: FrameComposed) -> bool:
        seen.extend([composed] if composed.composed_ns > stopped_until_ns else [])
        return bool(seen) and composed.state != "lost"

    after, pixels = compose.composite(closed)
    assert all(composed.privacy for composed in seen), "closed from the first picture on"
    assert (after.frame.epoch, is_hidden(pixels)) == (message.frame.epoch, True)


def test_a_lost_source_is_a_card_at_once_with_its_reason(compose: Neighbours) -> None:
    compose.until_live()
    compose.frames.source_lost("the camera was unplugged")
    card = wait_for(
        "a card", lambda: [c for c in receive(compose.composites, FrameComposed, compose.counters) if c.state == "lost"]
    )[0]
    assert card.reason == "the camera was unplugged", "not the silence that is noticed later"


def test_while_nobody_looks_there_is_a_card_and_all_that_was_allowed_is_forgotten(compose: Neighbours) -> None:
    compose.until_live()
    compose.ask(SetPrivacy(False))
    compose.composite(lambda m: m.state == "off")
    for _ in range(2):  # it is repeated
        compose.frames.source_idle(90, 160)
    message, pixels = wait_for("the card", lambda: compose.newest(lambda m: m.state == "lost"))
    assert (message.reason, message.privacy) == (IDLE, True)
    card = np.full_like(pixels, CARD_BGR)
    write_notice(card, IDLE)
    assert pixels.shape == NOISE.shape and (pixels == card).all()
    frame = compose.publish()
    message, _ = compose.composite(lambda m: m.frame.epoch == frame.epoch)
    assert message.state == "hidden" and message.privacy


def test_before_the_first_frame_the_card_has_the_size_that_the_source_is_asked_for(
    run_dir: Path, counters: Counters, segments: None
) -> None:
    open_run_dir(run_dir)
    with open_context() as context, FramePublisher(context, run_dir) as frames, stage("compose", run_dir) as process:
        composites = connect(context, COMPOSITES, run_dir)

        def card() -> list[FrameComposed]:
            frames.source_idle(90, 160)
            return receive(composites, FrameComposed, counters) if composites.poll(20) else []

        message = wait_for("the card", card)[0]
        assert (message.state, message.reason, message.frame.shape) == ("lost", IDLE, (90, 160, 3))
        assert end(process)[0] == 0


@pytest.mark.parametrize("captured_ns", [2**62, 1])
def test_frames_from_the_future_or_the_past_are_dropped(compose: Neighbours, captured_ns: int) -> None:
    compose.until_live()
    for _ in range(5):
        compose.frames.publish(SourceFrame(NOISE, 0, captured_ns))
    seen: list[FrameComposed] = []
    after = compose.number  # through the same queue: once a later one is composed, those before it were judged

    def composed_after() -> bool:
        compose.publish()
        compose.composites.poll(100)
        seen.extend(receive(compose.composites, FrameComposed, compose.counters))
        return any(c.frame.source_index > after for c in seen)

    wait_for("the next frame", composed_after)
    assert all(c.frame.captured_ns != captured_ns for c in seen)
    compose.until_live()


def test_garbage_is_dropped_and_the_call_goes_on(compose: Neighbours) -> None:
    compose.until_live()
    garbage = [
        b"",
        b"\xc1",
        b"x" * 100_000,
        msgpack.packb([SCHEMA_VERSION, 3, 1]),
        (command := encode(CommandIssued(compose.composite()[0].frame.epoch, time.monotonic_ns(), SetPrivacy(False)))),
        encode(FrameCaptured(compose.publish())),
    ]
    for data in garbage:
        compose.masks.send(data)
        compose.control.send(data if data != command else b"\x00")
    message, _ = compose.until_live()
    assert message.privacy, "a control message on the masks' door is none"


def test_another_geometry_hides_until_it_has_its_own_mask(compose: Neighbours) -> None:
    compose.until_live()
    small = np.ascontiguousarray(NOISE[:90])
    message, pixels = compose.composite(lambda m: m.frame.height == 90, small)
    assert (message.state, message.reason) == ("hidden", "no mask yet")
    assert is_hidden(pixels)


def test_privacy_goes_off_and_on_by_an_explicit_message_only(compose: Neighbours) -> None:
    compose.ask(SetPrivacy(False))
    message, pixels = compose.composite(lambda m: m.state == "off")
    assert (message.privacy, (pixels == NOISE).all()) == (False, True)
    compose.ask(SetPrivacy(True))
    message, pixels = compose.composite(lambda m: m.privacy)
    assert is_hidden(pixels)


def test_a_command_of_another_epoch_or_of_long_ago_is_refused(compose: Neighbours) -> None:
    message, _ = compose.until_live()
    compose.ask(SetPrivacy(False), epoch=message.frame.epoch + 1)
    compose.ask(SetPrivacy(False), issued_ns=time.monotonic_ns() - 2 * MAX_COMMAND_AGE_NS)
    compose.ask(SetPrivacy(False), issued_ns=time.monotonic_ns() + 3_600_000_000_000)
    for _ in range(20):
        assert compose.composite()[0].privacy
    compose.ask(SetPrivacy(False))
    compose.composite(lambda m: not m.privacy)
    compose.ask(SetPrivacy(True), epoch=message.frame.epoch + 1, issued_ns=1)  # to hide is never too late
    compose.composite(lambda m: m.privacy)


def test_the_instance_view_is_privacy_off_and_ends_like_it(compose: Neighbours) -> None:
    compose.until_live()
    compose.ask(SetView(True))
    message, pixels = compose.composite(lambda m: m.state == "instances")
    assert not message.privacy
    assert (pixels == NOISE).all(-1).any() and (pixels != NOISE).any(), "the camera's own picture, with frames drawn in"
    compose.ask(SetView(False))
    message, pixels = compose.composite(lambda m: m.privacy)
    assert is_hidden(pixels)


def test_an_older_result_does_not_replace_a_newer(run_dir: Path, counters: Counters, segments: None) -> None:
    with composing(run_dir, counters) as compose:
        older = compose.publish()
        compose.until_live()
        for _ in range(5):
            compose.found(compose.publish())
            compose.found(older, instances=())  # nobody found, but long ago: used, it would hide the picture
            for _ in range(3):
                assert compose.composite()[0].state == "live"
    assert "masks out of order 5" in compose.said, "it heard them all"


def test_a_plain_background_shows_nothing_of_the_room(run_dir: Path, counters: Counters) -> None:
    with composing(run_dir, counters, background="color:00ff00", edge="hard") as compose:
        assert (compose.composite()[1] == (0, 255, 0)).all()
        _, pixels = compose.until_live()
        shown = (pixels == NOISE).all(-1)
        assert shown[30:, 40:120].all()
        assert (pixels[~shown] == (0, 255, 0)).all()


def test_a_second_compose_is_refused(compose: Neighbours) -> None:
    with stage("compose", compose.run_dir) as second:
        _, said = second.communicate(timeout=60)
    assert (second.returncode, "already serves" in said, said.count("\n")) == (2, True, 1)


def test_a_viewers_style_is_obeyed_and_said_with_every_picture(run_dir: Path, counters: Counters) -> None:
    with composing(run_dir, counters) as compose:
        assert compose.composite()[0].style == Style(blur=35 / 30)
        for command in (
            SetHide("people"),
            SetFollow(True),
            SetEdge(4.0, -2.0),
            SetBlur(2.0),
            SetBackground("color:00ff00"),
        ):
            compose.ask(command)
        wanted = Style("people", True, 4.0, -2.0, 2.0, "color:00ff00")
        compose.composite(lambda message: message.style == wanted)
        compose.ask(SetHide("room"), epoch=99, issued_ns=1)
        compose.composite(lambda message: message.style == replace(wanted, hide="room"))


def test_a_style_is_forgotten_but_for_what_is_fixed(
    run_dir: Path, counters: Counters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    save(saved_file(), {"hide": "people", "blur": 2.0, "background": "color:00ff00", "margin": 4.0})
    with composing(run_dir, counters, feather=3, background="color:0000ff") as compose:
        saved = Style("people", False, 3.0, 4.0, 2.0, "color:0000ff")
        assert compose.composite()[0].style == saved
        compose.ask(SetFollow(True))
        compose.ask(SetBackground("blur"))
        compose.composite(lambda message: message.style == replace(saved, follow=True, background="blur"))
        compose.ask(ResetStyle(), epoch=99)
        compose.ask(SetBlur(3.0))
        compose.composite(lambda message: message.style == replace(saved, follow=True, background="blur", blur=3.0))
        compose.ask(ResetStyle())
        compose.composite(lambda message: message.style == Style("room", False, 3.0, 0.0, 35 / 30, "color:0000ff"))


@pytest.mark.parametrize("background", ["image:none.png", "video:none.mp4"])
def test_a_missing_background_is_one_line(run_dir: Path, background: str) -> None:
    with stage("compose", run_dir, background=background) as process:
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said.count("\n")) == (2, 1)
    assert "--background: expected" in said


def test_the_notice_is_written_into_the_picture() -> None:
    plain = np.zeros((360, 640, 3), np.uint8)
    write_notice(plain, "no camera: demo footage")
    written = cv2.boundingRect(plain.max(-1))
    assert written[0] < 20 and written[1] > 320 and written[2] > 100


def test_the_notice_of_the_source_is_in_every_picture_until_it_changes(compose: Neighbours) -> None:
    grey = np.full(NOISE.shape, 90, np.uint8)

    def has_text(pixels: np.ndarray) -> bool:
        return bool((pixels[90:].max(-1) > 200).any())

    def is_as(shown: bool) -> bool:
        return has_text(compose.composite(picture=grey)[1]) is shown

    compose.composite(picture=grey)
    for notice in ("no camera: demo footage", ""):
        compose.frames.notify(notice)
        wait_for("the change", partial(is_as, bool(notice)))
        assert all(is_as(bool(notice)) for _ in range(5))


def test_the_matte_draws_the_edge_of_the_present_frame(run_dir: Path, counters: Counters) -> None:
    """One result, then a second of frames without another: the mask is old, the edge is not."""
    scene = DemoScene(640, 360, 30)
    with composing(run_dir, counters, refine="matte", max_mask_age=10_000) as compose:
        index = 60
        masks = scene.masks(index)
        people = tuple(i for i in (instance_of(masks.subject, 0.9), instance_of(masks.bystander, 0.95)) if i)
        wait_for("compose", lambda: compose.step(scene.frame(index)))
        compose.composed(scene.frame(index))  # results of frames from before the first that it sees show nobody
        compose.found(compose.publish(scene.frame(index)), instances=people[:1])  # the subject is chosen first
        compose.found(compose.publish(scene.frame(index)), instances=people)
        overlaps = []
        while index < 95:
            index += 1
            picture, masks = scene.frame(index), scene.masks(index)
            message, pixels = compose.composed(picture)
            time.sleep(0.02)  # nearly a camera's pace
            if message.state != "live" or index < 80:
                continue
            shown = np.abs(pixels.astype(int) - picture).max(-1) <= 2
            # a blurred pixel may be as it was by chance, few are: the subject's inside must be, the others' must not
            inside = cv2.erode(masks.subject.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
            overlaps.append((float(shown[inside].mean()), float(shown[masks.bystander].mean())))
        assert len(overlaps) > 5
        assert np.median([mine for mine, _ in overlaps]) > 0.85  # what she holds counts as hers, and is lost first
        assert max(theirs for _, theirs in overlaps) < 0.15
