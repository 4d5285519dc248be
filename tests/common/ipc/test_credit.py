"""Real sockets: a sender that waits for credit, and receivers that come late and lose messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from common.ipc.credit import CreditedReceiver, CreditedSender, deep
from common.ipc.messages import FrameCaptured, FramesWanted, RecordingEnded
from common.ipc.records import FrameInfo
from common.ipc.streams import FRAMES, FRAMES_WANTED, Context, bind, connect, open_context, send
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from tests.processes.neighbours import wait_for

COUNT, SLOTS = 30, 12
Messages = FrameCaptured | RecordingEnded


def message(number: int) -> Messages:
    if number == COUNT:
        return RecordingEnded(COUNT)
    return FrameCaptured(FrameInfo(1, number, number, number, "s", number, 90, 160))


def number_in(received: Messages) -> int:
    return received.number if isinstance(received, RecordingEnded) else received.frame.frame_id


class Ends:
    """Both ends in one process."""

    def __init__(self, context: Context, run_dir: Path, counters: Counters, queue: int) -> None:
        frames = replace(FRAMES, queue=queue)
        self.sender = CreditedSender(
            bind(context, frames, run_dir), bind(context, FRAMES_WANTED, run_dir), SLOTS, counters
        )
        self.wanted = connect(context, FRAMES_WANTED, run_dir)
        self.next = 0
        self._context, self._run_dir, self._counters, self._frames = context, run_dir, counters, frames

    def fill(self) -> None:
        while self.sender.has_room and self.next <= COUNT:
            self.sender.send(message(self.next))
            self.next += 1

    def receiver(self) -> CreditedReceiver[Messages]:
        socket = connect(self._context, self._frames, self._run_dir)
        return CreditedReceiver[Messages](socket, self.wanted, (FrameCaptured, RecordingEnded), self._counters)


@pytest.fixture(params=[deep(FRAMES).queue, 6], ids=["deep queues", "queues that lose"])
def ends(request: pytest.FixtureRequest, run_dir: Path, counters: Counters) -> Iterator[Ends]:
    open_run_dir(run_dir)
    with open_context() as context:
        yield Ends(context, run_dir, counters, request.param)


def test_a_receiver_that_comes_late_gets_every_message_in_order(ends: Ends) -> None:
    ends.fill()
    assert ends.next == SLOTS - 2, "no credit, no more"
    receiver, got = ends.receiver(), list[int]()

    def turn() -> bool:
        ends.sender.serve()
        ends.fill()
        got.extend(number_in(each) for each in receiver.receive())
        receiver.tell(len(got))
        assert ends.next - len(got) <= SLOTS
        return len(got) > COUNT

    wait_for("all messages", turn)
    assert got == list(range(COUNT + 1))


def test_a_receiver_of_nonsense_does_no_harm(ends: Ends) -> None:
    ends.fill()
    for number in (7000, 0, 11):
        wait_for("the door", partial(send, ends.wanted, FramesWanted(number)))
    ends.wanted.send(b"nonsense")
    wait_for("the last of them", lambda: ends.sender.serve() == 0)
    ends.fill()
    assert ends.next == SLOTS - 2
