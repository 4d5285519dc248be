from __future__ import annotations

from dataclasses import replace

import pytest

from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo
from display.meter import Meter, describe

MS = 1_000_000
MESSAGE = FrameComposed(FrameInfo(5, 0, 0, 0, "s", 0, 10, 10), 0, "live", "", 80.0, True, "m")


def test_rate_delay_and_missed_pictures_are_measured() -> None:
    meter = Meter()
    for number in (0, 1, 2, 5):  # 3 and 4 were missed
        meter.add(
            replace(MESSAGE, frame=replace(MESSAGE.frame, frame_id=number, captured_ns=number * 40 * MS)),
            (number * 40 + 12) * MS,
        )
    reading = meter.read()
    assert (meter.shown, meter.missed) == (4, 2)
    assert reading.rate == pytest.approx(3 / 0.2)
    assert (reading.latency_p50_ms, reading.mask_age_ms) == (12, 80)
    assert "15.0 pictures a second, mask 80 ms old, 12 ms behind" in describe(MESSAGE, reading)


def test_a_new_epoch_does_not_count_as_missed_pictures() -> None:
    meter = Meter()
    meter.add(replace(MESSAGE, frame=replace(MESSAGE.frame, frame_id=900)), 10)
    meter.add(replace(MESSAGE, frame=replace(MESSAGE.frame, epoch=6, frame_id=0)), 20)
    assert meter.missed == 0


def test_a_picture_without_a_mask_has_no_mask_age() -> None:
    meter = Meter()
    assert meter.read().rate == 0
    hidden = replace(MESSAGE, state="hidden", reason="nobody found", mask_age_ms=-1.0)
    meter.add(hidden, 10)
    assert describe(hidden, meter.read()).startswith("hidden: nobody found; ")


def test_the_description_says_that_everybody_is_shown() -> None:
    assert describe(replace(MESSAGE, state="everybody"), Meter().read()).startswith("everybody is shown; ")
