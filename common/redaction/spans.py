"""Join moments of the same kind that follow each other closely, so that a person reads a few lines and not thousands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

CLOSE_S = 1.0  # moments that are nearer than that are looked at together


class Span(NamedTuple):
    """A part of a recording.

    begin_s, end_s: Times of the recording.
    why: What it is a part of; spans of different texts are never joined.
    frames: How many of its frames are meant; between them there may be others.
    """

    begin_s: float
    end_s: float
    why: str
    frames: int


class SpanJoiner:
    """Joins spans of the same text between which there are less than `gap_s` seconds.

    Spans of one text are added in the order of their times.
    """

    def __init__(self, gap_s: float = CLOSE_S) -> None:
        self._gap_s = gap_s
        self._last: dict[str, Span] = {}  # why → the one that may still grow
        self._done: list[Span] = []

    def add(self, span: Span) -> None:
        """Join a span to the last one of its text, or begin another."""
        last = self._last.get(span.why)
        if last is not None and span.begin_s - last.end_s < self._gap_s:
            span = _join(last, span)
        elif last is not None:
            self._done.append(last)
        self._last[span.why] = span

    @property
    def spans(self) -> list[Span]:
        """All spans, by their beginnings."""
        return sorted((*self._done, *self._last.values()))


def few(spans: Sequence[Span], limit: int) -> list[Span]:
    """Join spans that begin in the same part of the recording, of longer and longer parts, until there are at most `limit`.

    Nothing is left out: every frame of `spans` lies in one that is returned. Where there are more than `limit` texts, there are
    more spans.
    """
    found = sorted(spans)
    length_s = found[-1].begin_s - found[0].begin_s if found else 0.0
    part_s = CLOSE_S
    while len(found) > limit and part_s <= length_s:
        part_s *= 2  # so that two parts become one
        joined: dict[tuple[str, int], Span] = {}
        for span in found:
            place = span.why, int((span.begin_s - found[0].begin_s) // part_s)
            joined[place] = _join(joined[place], span) if place in joined else span
        found = sorted(joined.values())
    return found


def _join(one: Span, later: Span) -> Span:
    return one._replace(end_s=max(one.end_s, later.end_s), frames=one.frames + later.frames)
