from __future__ import annotations

from display.web.connection_limit import ConnectionLimit


def test_a_new_connection_replaces_the_oldest() -> None:
    limit = ConnectionLimit[str](2)
    assert [limit.add(name) for name in "abcd"] == [None, None, "a", "b"]
    assert len(limit) == 2


def test_a_removed_connection_makes_room() -> None:
    limit = ConnectionLimit[str](2)
    limit.add("a")
    limit.add("b")
    limit.remove("a")
    limit.remove("a")
    assert limit.add("c") is None
    assert limit.add("d") == "b"


def test_a_connection_added_twice_counts_once() -> None:
    limit = ConnectionLimit[str](2)
    assert [limit.add(name) for name in "aab"] == [None, None, None]
    assert limit.add("c") == "a"
