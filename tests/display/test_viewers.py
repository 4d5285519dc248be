from __future__ import annotations

from display.relay.sockets import IN_FLIGHT
from display.relay.viewers import MAX_COMMANDS_PER_S, MAX_SILENCE_NS, MAX_VIEWERS, Viewers


def test_a_viewer_that_takes_nothing_is_sent_no_more() -> None:
    viewers = Viewers()
    viewers.on_ready(b"slow", "", 0, 0)
    viewers.on_ready(b"good", "", 0, 0)
    sent = {b"slow": 0, b"good": 0}
    for number in range(1, 101):
        for who in viewers.ready():
            viewers.on_sent(who, number)
            sent[who] += 1
        viewers.on_ready(b"good", "", number, number)
    assert sent == {b"slow": IN_FLIGHT, b"good": 100}


def test_a_viewer_that_wakes_gets_the_next_picture() -> None:
    viewers = Viewers()
    viewers.on_ready(b"a", "", 0, 0)
    for number in range(1, 50):
        for who in viewers.ready():
            viewers.on_sent(who, number)
    viewers.on_ready(b"a", "", IN_FLIGHT, 1)
    assert viewers.ready() == [b"a"]


def test_a_silent_viewer_and_one_with_a_withdrawn_key_are_removed() -> None:
    viewers = Viewers()
    viewers.on_ready(b"a", "key a", 0, 0)
    viewers.on_ready(b"b", "key b", 0, MAX_SILENCE_NS)
    assert viewers.remove_inactive(MAX_SILENCE_NS + 1, {"key a", "key b"}) == ["stopped answering"]
    assert viewers.remove_inactive(MAX_SILENCE_NS + 1, {"key a"}) == ["its key was withdrawn"]
    assert len(viewers) == 0
    viewers.on_ready(b"c", "", 0, 0)
    assert viewers.remove_inactive(1, None) == [], "without CURVE there is no list of keys"


def test_the_number_of_viewers_is_limited() -> None:
    viewers = Viewers()
    assert [viewers.on_ready(str(n).encode(), "", 0, 0) for n in range(MAX_VIEWERS)] == [""] * MAX_VIEWERS
    assert viewers.on_ready(b"one more", "", 0, 0) == f"more than {MAX_VIEWERS} at once"
    assert len(viewers.ready()) == MAX_VIEWERS


def test_one_key_cannot_take_all_places() -> None:
    viewers = Viewers()
    assert [viewers.on_ready(str(n).encode(), "key a", 0, 0) for n in range(MAX_VIEWERS)] == [""] * MAX_VIEWERS
    assert viewers.on_ready(b"other", "key b", 0, 0) == ""
    assert len(viewers) == MAX_VIEWERS
    assert viewers.on_ready(b"63", "key a", 0, 0), "its place was taken"
    assert [viewers.on_ready(str(n).encode(), "key a", 0, 0) for n in range(MAX_VIEWERS - 1)] == [""] * (
        MAX_VIEWERS - 1
    )
    admitted = [viewers.on_ready(f"other {n}".encode(), "key b", 0, 0) for n in range(MAX_VIEWERS)]
    assert admitted.count("") == MAX_VIEWERS // 2 - 1, "no key gets more than its share while another wants a place"
    assert viewers.on_ready(b"third", "key c", 0, 0) == ""


def test_the_commands_of_each_viewer_are_limited() -> None:
    viewers = Viewers()
    answers = [viewers.on_command(b"loud", "", n * 1_000_000) for n in range(100)]
    assert answers == [""] * MAX_COMMANDS_PER_S + [f"more than {MAX_COMMANDS_PER_S} commands a second"] * (
        100 - MAX_COMMANDS_PER_S
    )
    assert viewers.on_command(b"other", "", 100_000_000) == "", "the limit is for each viewer"
    assert viewers.on_command(b"loud", "", 1_000_000_000) == ""
    assert len(viewers) == 2, "a command admits a viewer as ViewerReady does"
