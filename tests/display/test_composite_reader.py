from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import zmq

from common.ipc.messages import FrameComposed
from common.ipc.records import FrameInfo
from common.ipc.ring import RingWriter, new_epoch
from common.ipc.streams import COMPOSITES, bind, connect, open_context, send
from common.metrics.counters import Counters
from display.composite_reader import Composites
from tests.processes.neighbours import wait_for

SHAPE = (90, 160, 3)
MESSAGE = FrameComposed(FrameInfo(5, 7, 10**9, 9, "", 3, *SHAPE[:2]), 2, "live", "", 80.5, True, "model")


def test_it_reads_one_picture_after_the_other_into_one_buffer_and_leaves_out_what_is_gone(run_dir: Path) -> None:
    run_dir.mkdir(parents=True, exist_ok=True)
    counters = Counters(logging.getLogger("onlyme"))
    with open_context() as context, RingWriter("composites", SHAPE, 4, new_epoch()) as ring:
        compose = bind(context, replace(COMPOSITES, binds=zmq.XPUB), run_dir)
        composites = Composites(connect(context, COMPOSITES, run_dir), counters)
        said = [
            replace(MESSAGE, frame=replace(MESSAGE.frame, segment=ring.name, sequence=sequence))
            for sequence in range(5)
        ]
        for message in said:
            ring.claim()[:] = 10 * message.frame.sequence
            ring.publish()
        wait_for("the display's subscription", lambda: compose.poll(0))  # what is published before it is lost
        for message in said:
            assert send(compose, message)

        got: list[tuple[int, int, float, int]] = []

        def take() -> bool:
            got.extend(
                (message.frame.sequence, int(picture[0, 0, 0]), float(picture.mean()), id(picture))
                for message, picture in composites.waiting()
            )
            return bool(got) and got[-1][0] == 4

        wait_for("the last picture", take)

        assert [sequence for sequence, *_ in got] == [2, 3, 4], "the first two have been written over"
        assert all(one == mean == 10 * sequence for sequence, one, mean, _ in got)
        assert len({buffer for *_, buffer in got}) == 1
        assert "composite lapped 2" in str(counters)


def test_the_picture_is_the_callers_own(run_dir: Path) -> None:
    run_dir.mkdir(parents=True, exist_ok=True)
    with open_context() as context, RingWriter("composites", SHAPE, 4, new_epoch()) as ring:
        composites = Composites(connect(context, COMPOSITES, run_dir), Counters(logging.getLogger("onlyme")))
        ring.claim()[:] = 10
        ring.publish()
        message = replace(MESSAGE, frame=replace(MESSAGE.frame, segment=ring.name, sequence=0))
        picture = composites.read(message)
        assert picture is not None
        picture[:] = 99  # a caption
        again = composites.read(message)
        assert again is not None and np.unique(again).tolist() == [10]
