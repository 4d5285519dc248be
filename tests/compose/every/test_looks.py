from __future__ import annotations

from dataclasses import replace

import numpy as np

from common.ipc.messages import MasksInferred
from common.ipc.records import Instance
from compose.every.looks import Look, Outcome
from compose.who.look_maps import LookMaps

NOTHING = np.zeros((9, 16), np.uint8)
PERSON = Instance(0, 0.9, (0.0, 0.0, 0.25, 1.0), 1, 1, b"\xff")
CHAIR = replace(PERSON, class_id=56, box_xyxy=(0.75, 0.0, 1.0, 1.0))


def test_a_sign_of_any_class_is_somebody_else_and_a_thing_is_not() -> None:
    sign = replace(PERSON, class_id=56, is_sign=True, box_xyxy=(0.5, 0.0, 0.75, 1.0))
    result = MasksInferred(1, 0, 1, 1, "w", "m", (PERSON, sign, CHAIR))
    look = Look(result, Outcome.FOUND, (PERSON,), LookMaps(NOTHING, NOTHING, NOTHING, NOTHING))
    assert look.others == [sign]
    assert look.likely_others()[:, 8:12].all() and not look.likely_others()[:, :8].any()
