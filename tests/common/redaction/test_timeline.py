from __future__ import annotations

import numpy as np
import pytest

from common.redaction.timeline import COLUMNS, HEIGHT, LOWEST, Lane, Timeline, path_of


def timeline(*frames: tuple[float, float, Lane]) -> Timeline:
    made = Timeline()
    for begin_s, end_s, lanes in frames:
        made.add(begin_s, end_s, lanes)
    return made


def test_a_lane_holds_for_the_time_of_its_frames() -> None:
    made = timeline((-1, 1, Lane.SHOWN), (1, 2, Lane.HIDDEN | Lane.LOOK), (2, 3, Lane.SHOWN))  # the rate varies
    shown, look = made.shares(Lane.SHOWN), made.shares(Lane.LOOK)
    assert shown.shape == (COLUMNS,) and shown.mean() == pytest.approx(0.75) and look.mean() == pytest.approx(0.25)
    half, rest = COLUMNS // 2, COLUMNS * 3 // 4
    assert min(shown[:half].min(), shown[rest:].min()) == pytest.approx(1.0) and shown[
        half:rest
    ].max() == pytest.approx(0)
    assert made.shares(Lane.OTHERS).max() == 0.0


def test_one_frame_of_hours_is_seen() -> None:
    count = 300_000
    made = timeline(*((n / 30, (n + 1) / 30, Lane.LOOK if n == 12345 else Lane.SHOWN) for n in range(count)))
    shares = made.shares(Lane.LOOK)
    assert np.count_nonzero(shares > 1e-9) == 1
    assert path_of(shares) == f"M{12345 * COLUMNS // count} {HEIGHT}v-{LOWEST}h1v{LOWEST}z"


def test_a_recording_of_one_frame_fills_its_lane() -> None:
    made = timeline((0, 0, Lane.SHOWN))
    assert made.shares(Lane.SHOWN).min() == 1.0 and made.shares(Lane.HIDDEN).max() == 0.0


def test_equal_columns_are_one_bar() -> None:
    shares = np.zeros(COLUMNS)
    shares[10:20], shares[20:22] = 1.0, 0.5
    assert path_of(shares) == "M10 20v-20h10v20zM20 20v-10h2v10z"
    assert path_of(np.zeros(COLUMNS)) == ""
    assert path_of(np.ones(COLUMNS)) == f"M0 20v-20h{COLUMNS}v20z"
