"""Draw the people of a result on the grid, with their appearance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from common.ipc.records import Instance
from common.vision.arrays import BgrImage, SoftMask
from common.vision.grid import on_grid
from compose.settings import ComposeSettings
from compose.who.appearance import Light, appearance_of
from compose.who.look_maps import union
from compose.who.others import Candidate
from compose.who.subject import people_of


class People(NamedTuple):
    """The people of one result.

    instances: The surest first.
    candidates: The same on the grid, with their appearance.
    signs: Each sign of somebody, likewise.
    wh: Columns and rows of the grid.
    """

    instances: list[Instance]
    candidates: list[Candidate]
    signs: list[Candidate]
    wh: tuple[int, int]

    @property
    def areas(self) -> list[SoftMask]:
        """(h, w) uint8 on the grid, 255 inside, of each of the people."""
        return [person.area for person in self.candidates]

    @property
    def signs_area(self) -> SoftMask:
        """(h, w) uint8 on the grid, 255 where there is a sign of somebody."""
        return union((sign.area for sign in self.signs), self.wh)

    def areas_of_others(self, chosen: Sequence[int], things: Sequence[Instance]) -> list[SoftMask]:
        """Return the areas of those who are neither chosen, by their indices, nor among the things that stay sharp too."""
        return [
            person.area
            for number, (instance, person) in enumerate(zip(self.instances, self.candidates, strict=True))
            if number not in chosen and instance not in things
        ]


def people_in(
    instances: Sequence[Instance], small: BgrImage | None, light: Light, wh: tuple[int, int], settings: ComposeSettings
) -> People:
    """Return the people among the instances of a result.

    Args:
        instances: All that it found.
        small: (h, w, 3) uint8 BGR, its frame on the grid; None: unknown, and so is everybody's appearance.
        light: Makes appearances in different light comparable; it takes this frame as its newest.
        wh: Columns and rows of the grid.
        settings: With the least probabilities.
    """
    people = people_of(instances, settings.confidence)
    signs = [instance for instance in instances if instance.is_sign]
    areas = [on_grid(person, wh, settings.threshold) for person in people]
    even = None if small is None else light.compensate(small, union(areas, wh))

    def candidate(instance: Instance, area: SoftMask) -> Candidate:
        return Candidate(area, None if even is None else appearance_of(even, area), instance.score)

    return People(
        people,
        [candidate(person, area) for person, area in zip(people, areas, strict=True)],
        [candidate(sign, on_grid(sign, wh, settings.threshold)) for sign in signs],
        wh,
    )
