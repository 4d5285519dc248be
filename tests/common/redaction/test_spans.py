from __future__ import annotations

import pytest

from common.redaction.spans import Span, SpanJoiner, few


def joined(*spans: Span) -> list[Span]:
    joiner = SpanJoiner()
    for span in spans:
        joiner.add(span)
    return joiner.spans


def test_moments_that_are_close_are_one_span() -> None:
    assert joined(Span(0, 0.1, "a", 1), Span(0.1, 0.2, "a", 1), Span(1.1, 1.2, "a", 1)) == [Span(0, 1.2, "a", 3)]


def test_moments_that_are_apart_stay_apart() -> None:
    spans = [Span(0, 0.1, "a", 1), Span(1.2, 1.3, "a", 1)]
    assert joined(*spans) == spans


def test_moments_of_a_slow_source_follow_each_other() -> None:
    assert joined(Span(0, 5, "a", 1), Span(5, 10, "a", 1)) == [Span(0, 10, "a", 2)]


def test_moments_of_different_texts_are_not_joined_and_come_in_order() -> None:
    found = joined(Span(0, 0.1, "b", 1), Span(0.1, 0.2, "a", 1), Span(0.2, 0.3, "b", 1))
    assert found == [Span(0, 0.3, "b", 2), Span(0.1, 0.2, "a", 1)]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1000])
def test_few_spans_hold_every_frame(count: int) -> None:
    spans = [Span(3.0 * number, 3.0 * number + 0.5, "a", 2) for number in range(count)]
    found = few(spans, 8)
    assert len(found) <= 8 and sum(span.frames for span in found) == 2 * count
    assert len(found) >= min(count, 4), "no more are joined than is needed, but for the last doubling"
    assert all(any(into.begin_s <= span.begin_s and span.end_s <= into.end_s for into in found) for span in spans)


def test_texts_that_all_differ_stay_as_many() -> None:
    spans = [Span(number, number + 0.5, str(number), 1) for number in range(20)]
    assert few(spans, 8) == spans
