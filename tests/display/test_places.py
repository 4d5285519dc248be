from __future__ import annotations

from display.web.places import Room


def test_whoever_came_first_goes_for_a_newcomer() -> None:
    room = Room[str](2)
    assert [room.come(name) for name in "abcd"] == [None, None, "a", "b"]
    assert len(room) == 2


def test_who_leaves_frees_a_place() -> None:
    room = Room[str](2)
    room.come("a")
    room.come("b")
    room.leave("a")
    room.leave("a")
    assert room.come("c") is None
    assert room.come("d") == "b"


def test_who_comes_again_keeps_the_place() -> None:
    room = Room[str](2)
    assert [room.come(name) for name in "aab"] == [None, None, None]
    assert room.come("c") == "a"
