"""Who is taken for the subject that left: the courses of tests/returns.py, and how far looks tell two people apart."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

from common.vision.grid import on_grid
from compose.who.appearance import PARTS, Appearance, Light, appearance_of, part_similarities
from compose.who.others import sides
from compose.who.subject import ALIKE
from tests.bench.table import print_table
from tests.returns import OWN, WH, Course, Returned, follow, moments, ordinary_ones, wrong_ones

SEEDS = 4
NAMES = ("head", "upper half", "lower half")


def main() -> None:
    """Every course, on two cores."""
    wrong, ordinary = list(wrong_ones(SEEDS)), list(ordinary_ones(SEEDS))
    with ProcessPoolExecutor(2) as pool:
        courses(wrong, list(pool.map(_follow, wrong)), ordinary, list(pool.map(_follow, ordinary)))
        looks([*wrong, *ordinary], list(pool.map(_scores, [*wrong, *ordinary])))


def courses(
    wrong: Sequence[Course], of_wrong: Sequence[Returned], ordinary: Sequence[Course], of_ordinary: Sequence[Returned]
) -> None:
    """What the tracker made of them."""
    groups: dict[str, list[Returned]] = {}
    for course, returned in zip(wrong, of_wrong, strict=True):
        kind = course.meanwhile if course.meanwhile in ("beside", "passes") else "the other one comes"
        groups.setdefault(f"one jumper, {kind}", []).append(returned)
        groups.setdefault("one jumper, all", []).append(returned)
    groups["own clothes, back within 10 s"] = list(of_ordinary)
    rows = [
        {
            "courses": name,
            "number": len(of),
            "showed the other": sum(r.wrong > 0 for r in of),
            "subject shown again": sum(r.back for r in of),
            "asked": sum(r.asked for r in of),
            "lost while it sat still": sum(r.lost for r in of),
        }
        for name, of in groups.items()
    ]
    print_table("who comes back", rows)


def looks(of: Sequence[Course], scores: Sequence[list[tuple[bool, tuple[float, ...]]]]) -> None:
    """How alike the one who was there is to whoever is seen whole later, by part, and by the worst of the parts."""
    rows = []
    for name, jumper in (("one jumper", False), ("own clothes", True)):
        for mine in (True, False):
            found = [
                s for c, one in zip(of, scores, strict=True) if (c.jumper == OWN) is jumper for m, s in one if m is mine
            ]
            parts = np.asarray(found, float).reshape(-1, len(PARTS))
            if not len(parts):
                continue
            passed = (parts >= ALIKE).all(1)
            row: dict[str, object] = {"who": f"{name}: {'the same' if mine else 'the other'}", "looks": len(parts)}
            for part, values in zip(NAMES, parts.T, strict=True):
                row[f"{part} 1/50/99 %"] = " ".join(f"{v:.2f}" for v in np.percentile(values, (1, 50, 99)))
            rows.append({**row, "pass": float(passed.mean())})
    print_table(f"looks, limits {', '.join(f'{limit:.2f}' for limit in ALIKE)}", rows)


def _follow(course: Course) -> Returned:
    cv2.setNumThreads(1)
    return follow(course)


def _scores(course: Course) -> list[tuple[bool, tuple[float, ...]]]:
    """Of everybody who is seen whole and alone after the subject left: whether it is the subject, and how alike to it."""
    cv2.setNumThreads(1)
    light, subject, found = Light(), None, []
    for moment in moments(course):
        areas = {n: on_grid(i, WH, 0.3) for n, i in moment.found.items() if i is not None}
        people = np.zeros(WH[::-1], np.uint8)
        for area in areas.values():
            people = np.maximum(people, area)
        even = light.compensate(moment.picture, people)
        for name, area in areas.items():
            appearance: Appearance | None = appearance_of(even, area)
            if subject is None and name == "subject" and appearance is not None:
                subject = appearance
                light.remember()
            elif moment.after and course.meanwhile != "passes" and not sides(area) and len(areas) == 1:
                found.append((name == "subject", tuple(float(v) for v in part_similarities(appearance, subject))))
    return found
