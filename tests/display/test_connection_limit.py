from __future__ import annotations

from display.web.connection_limit import ConnectionLimit


def test_whoever_came_first_goes_for_a_newcomer() -> None:
    limit = ConnectionLimit[str](2)
    assert [limit.add(name) for name in "abcd"] == [None, None, "a", "b"]
    assert len(limit) == 2


def test_who_leaves_frees_a_place() -> None:
    limit = ConnectionLimit[str](2)
    limit.add("a")
    limit.add("b")
    limit.remove("a")
    limit.remove("a")
    assert limit.add("c") is None
    assert limit.add("d") == "b"


def test_who_comes_again_keeps_the_place() -> None:
    limit = ConnectionLimit[str](2)
    assert [limit.add(name) for name in "aab"] == [None, None, None]
    assert limit.add("c") == "a"
