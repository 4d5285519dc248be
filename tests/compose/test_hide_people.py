"""`--hide people` on the demo, whose masks are exact: one look a second, whose result comes late."""

from __future__ import annotations

import pytest

from common.vision.assets import MATTE, fetch
from common.vision.selfie_matte import Matte
from tests.hide import Composite, composites
from tests.people import exact, scene_of

LEAST_DB = 40.0  # PSNR of the room where nobody is


@pytest.fixture(scope="module", params=["entering", "crossing"])
def played(request: pytest.FixtureRequest) -> list[Composite]:
    """The room of 256 x 144 grid pixels, looked at once a second, until somebody has come in and been there for a while."""
    scene = scene_of(request.param, 0)
    return list(composites(scene, exact(scene, 1.0), Matte(fetch(MATTE)), seconds=3.5))


def test_the_bystander_is_hidden_as_where_the_room_is_hidden_from_the_first_frame_on(played: list[Composite]) -> None:
    there = [one.bystander_visible for one in played if one.has_bystander]
    assert len(there) > 30
    assert max(seen - mine for mine, seen in there) < 0.01, "the room shows nothing of anybody"
    assert there[0][1] == 0, "the first frame"


def test_the_room_is_untouched_where_nobody_is(played: list[Composite]) -> None:
    known = [one for one in played if (one.seen > 0).mean() > (one.subject > 0).mean() + 0.1]
    assert len(known) > 0.4 * len(played), "most of the time it is known"
    assert min(one.room_db for one in known) >= LEAST_DB
