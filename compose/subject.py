"""Who stays sharp. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from common.messages import Instance

PERSON = 0


def most_confident_person(instances: Iterable[Instance], confidence: float) -> Instance | None:
    """The tutorial's rule: the person with the highest score of at least `confidence`, or None."""
    people = [i for i in instances if i.class_id == PERSON and i.score >= confidence]
    return max(people, key=lambda i: i.score, default=None)
