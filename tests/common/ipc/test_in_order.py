from __future__ import annotations

import random
from collections import deque

import pytest

from common.ipc.in_order import REPEAT_S, Inbox, Outbox

COUNT = 300


class Channel:
    """Loses, doubles and delays what goes through it."""

    def __init__(self, chance: random.Random, loss: float, doubles: float) -> None:
        self._chance, self._loss, self._doubles = chance, loss, doubles
        self._under_way: deque[int] = deque()

    def send(self, number: int) -> None:
        times = 0 if self._chance.random() < self._loss else 2 if self._chance.random() < self._doubles else 1
        self._under_way.extend([number] * times)

    def receive(self) -> list[int]:
        return [self._under_way.popleft() for _ in range(self._chance.randint(0, len(self._under_way)))]

    @property
    def is_busy(self) -> bool:
        return bool(self._under_way)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("window", "late"), [(1, 0), (4, 0), (24, 0), (24, 9)])
def test_every_message_comes_once_and_in_order_however_many_are_lost_or_doubled(
    seed: int, window: int, late: int
) -> None:
    """`late`: the receiver is done with a message only when it has so many more, as one that waits for a result."""
    chance = random.Random(seed)
    there, back = Channel(chance, 0.3, 0.3), Channel(chance, 0.3, 0.3)
    outbox: Outbox[int] = Outbox(window)
    inbox, taken, now_s = Inbox(), [], 0.0
    for turn in range(100_000):
        now_s += 0.01
        while outbox.has_room and outbox.next < COUNT:
            there.send(outbox.next)
            outbox.add(outbox.next)
        for number in there.receive():
            if inbox.accept(number, now_s):
                taken.append(number)
        done = inbox.next if inbox.next == COUNT else max(0, inbox.next - late)
        if turn > 50 and inbox.should_tell(done, now_s):  # it starts late
            back.send(done)
        for wanted in back.receive():
            for number in outbox.want(wanted):
                there.send(number)
        assert outbox.next - outbox.wanted <= window
        assert outbox.wanted <= max(0, inbox.next), "what the receiver does not have is kept"
        if outbox.wanted == COUNT:
            break
    assert taken == list(range(COUNT))


def test_without_sending_again_messages_are_lost() -> None:
    """The control: the channel of the test above does lose some."""
    there, come = Channel(random.Random(0), 0.3, 0.3), set()
    for number in range(COUNT):
        there.send(number)
    while there.is_busy:
        come |= set(there.receive())
    assert COUNT / 2 < len(come) < COUNT


def test_a_sender_goes_no_further_than_its_credit() -> None:
    outbox: Outbox[str] = Outbox(2)
    outbox.add("a")
    outbox.add("b")
    assert not outbox.has_room
    with pytest.raises(RuntimeError, match="in a window of 2"):
        outbox.add("c")
    assert outbox.want(1) == [], "it is news, so nothing was lost"
    outbox.add("c")
    assert outbox.want(1) == ["b", "c"], "wanted again"
    assert outbox.want(0) == [], "of long ago"
    assert outbox.want(7) == [], "never sent"
    assert (outbox.wanted, outbox.next) == (1, 3)
    assert outbox.want(3) == []
    assert outbox.want(3) == [], "nothing is under way"


def test_a_receiver_tells_what_it_wants_when_that_changes_and_while_nothing_comes() -> None:
    inbox = Inbox()
    assert inbox.should_tell(0, 10.0)
    assert not inbox.should_tell(0, 10.0 + REPEAT_S / 2)
    assert inbox.should_tell(0, 10.0 + 1.1 * REPEAT_S)
    assert inbox.accept(0, 10.3)
    assert not inbox.accept(0, 10.3), "it has it"
    assert not inbox.accept(2, 10.3), "one before it is missing"
    assert inbox.should_tell(1, 10.3)
    assert inbox.accept(1, 10.4)
    assert not inbox.should_tell(1, 10.4 + REPEAT_S / 2), "something has come"
    assert inbox.should_tell(1, 10.4 + 1.1 * REPEAT_S)
