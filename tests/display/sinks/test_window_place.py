from __future__ import annotations

import pytest

from display.sinks.window_place import FRAME_WH, UNKNOWN_WH, Area, fit, place


@pytest.mark.parametrize("area", [Area(0, 0, 1024, 600), Area(64, 27, 1366 - 64, 768 - 27), Area(0, 0, 400, 3000)])
@pytest.mark.parametrize("size", [(1280, 720), (3840, 2160), (640, 480), (720, 1280), (320, 180)])
def test_the_window_never_exceeds_the_work_area_and_keeps_the_aspect(size: tuple[int, int], area: Area) -> None:
    width, height = fit(*size, area)
    assert width <= size[0] and height <= size[1], "a small picture is not enlarged"
    assert abs(width / size[0] - height / size[1]) <= 1 / min(size)
    for at in ((0, 0), (area.left + 30, area.top + 30), (5000, 5000), (-200, -200)):
        left, top = place(*at, width, height, area)
        assert area.left <= left and area.top <= top
        assert left + width + FRAME_WH[0] <= area.left + area.width
        assert top + height + FRAME_WH[1] <= area.top + area.height


def test_a_window_that_fits_stays_where_it_is_and_as_large_as_the_picture() -> None:
    area = Area(0, 0, 1920, 1080)
    assert fit(1280, 720, area) == (1280, 720)
    assert place(300, 200, 1280, 720, area) == (300, 200)


def test_on_a_screen_of_unknown_size_the_picture_is_of_moderate_size() -> None:
    assert fit(3840, 2160, None) == UNKNOWN_WH
