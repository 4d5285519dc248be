from __future__ import annotations

import pytest

from display.relay.sockets import IN_FLIGHT, is_loopback
from display.relay.viewers import FORGET_NS, MOST, MOST_WISHES, Viewers


def test_whoever_takes_nothing_is_sent_no_more() -> None:
    viewers = Viewers()
    viewers.heard(b"slow", "", 0, 0)
    viewers.heard(b"good", "", 0, 0)
    sent = {b"slow": 0, b"good": 0}
    for number in range(1, 101):
        for who in viewers.ready():
            viewers.sent(who, number)
            sent[who] += 1
        viewers.heard(b"good", "", number, number)
    assert sent == {b"slow": IN_FLIGHT, b"good": 100}


def test_whoever_wakes_goes_on_from_now() -> None:
    viewers = Viewers()
    viewers.heard(b"a", "", 0, 0)
    for number in range(1, 50):
        for who in viewers.ready():
            viewers.sent(who, number)
    viewers.heard(b"a", "", IN_FLIGHT, 1)
    assert viewers.ready() == [b"a"]


def test_who_said_nothing_for_long_or_lost_its_key_is_dropped() -> None:
    viewers = Viewers()
    viewers.heard(b"a", "key a", 0, 0)
    viewers.heard(b"b", "key b", 0, FORGET_NS)
    assert viewers.forget(FORGET_NS + 1, {"key a", "key b"}) == ["says nothing any more"]
    assert viewers.forget(FORGET_NS + 1, {"key a"}) == ["its key was withdrawn"]
    assert len(viewers) == 0
    viewers.heard(b"c", "", 0, 0)
    assert viewers.forget(1, None) == [], "without keys there is no list"


def test_there_is_room_for_so_many() -> None:
    viewers = Viewers()
    assert [viewers.heard(str(n).encode(), "", 0, 0) for n in range(MOST)] == [""] * MOST
    assert viewers.heard(b"one more", "", 0, 0) == f"more than {MOST} at once"
    assert len(viewers.ready()) == MOST


def test_whoever_connects_again_and_again_keeps_nobody_else_out() -> None:
    viewers = Viewers()
    assert [viewers.heard(str(n).encode(), "key a", 0, 0) for n in range(MOST)] == [""] * MOST
    assert viewers.heard(b"other", "key b", 0, 0) == ""
    assert len(viewers) == MOST
    assert viewers.heard(b"63", "key a", 0, 0), "whose place it was"
    assert [viewers.heard(str(n).encode(), "key a", 0, 0) for n in range(MOST - 1)] == [""] * (MOST - 1)
    admitted = [viewers.heard(f"other {n}".encode(), "key b", 0, 0) for n in range(MOST)]
    assert admitted.count("") == MOST // 2 - 1, "no key gets more than its share while another wants it"
    assert viewers.heard(b"third", "key c", 0, 0) == ""


def test_so_many_wishes_a_second_are_heard_of_each() -> None:
    viewers = Viewers()
    heard = [viewers.wishes(b"loud", "", n * 1_000_000) for n in range(100)]
    assert heard == [""] * MOST_WISHES + [f"more than {MOST_WISHES} wishes a second"] * (100 - MOST_WISHES)
    assert viewers.wishes(b"other", "", 100_000_000) == "", "whose own these are"
    assert viewers.wishes(b"loud", "", 1_000_000_000) == ""
    assert len(viewers) == 2, "whoever wants something watches, also where it did not say so yet"


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("tcp://127.0.0.1:5", True), ("tcp://127.9.9.9:5", True), ("tcp://[::1]:5", True), ("tcp://localhost:5", True),
     ("tcp://0.0.0.0:5", False), ("tcp://[::]:5", False), ("tcp://*:5", False), ("tcp://10.0.0.1:5", False),
     ("tcp://localhost.evil.example:5", False), ("tcp://eth0:5", False)],
)  # fmt: skip
def test_what_only_this_machine_can_reach(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback
