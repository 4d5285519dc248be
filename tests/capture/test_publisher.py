"""What capture tells compose of its source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from capture.loop import FramePublisher
from capture.sources.source import SourceFrame
from common.errors import SourceError
from common.ipc.messages import SourceLost, SourceNotice
from common.ipc.streams import FRAME_MESSAGES, FRAMES, Socket, connect, open_context, receive
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from tests.processes.neighbours import wait_for


@pytest.fixture
def heard(run_dir: Path) -> Iterator[tuple[FramePublisher, Socket]]:
    """A publisher, and the socket of a compose that hears it."""
    open_run_dir(run_dir)
    with open_context() as context, FramePublisher(context, run_dir) as publisher:
        socket = connect(context, FRAMES, run_dir)

        def hears() -> bool:
            publisher.source_lost("the subscription is awaited")
            return bool(socket.poll(20))

        wait_for("the subscription", hears)
        yield publisher, socket


def test_a_notice_is_sent_with_every_frame_and_its_end_once(
    heard: tuple[FramePublisher, Socket], counters: Counters
) -> None:
    publisher, socket = heard
    for notice in ("", "", "demo", "demo", "", ""):
        publisher.notify(notice)
    publisher.source_lost("the end")
    notices: list[str] = []

    def until_the_end() -> bool:
        messages = receive(socket, FRAME_MESSAGES, counters)
        notices.extend(m.notice for m in messages if isinstance(m, SourceNotice))
        return any(isinstance(m, SourceLost) and m.reason == "the end" for m in messages)

    wait_for("all messages", until_the_end)
    assert notices == ["", "demo", "demo", ""]


@pytest.mark.parametrize("shape", [(200, 20000, 3), (20000, 200, 3)])
def test_a_picture_that_is_larger_than_any_frame_is_the_users_mistake(
    shape: tuple[int, int, int], heard: tuple[FramePublisher, Socket]
) -> None:
    """It was a traceback, five restarts and exit code 1."""
    with pytest.raises(SourceError, match="at most 16384 pixels a side, got 20"):
        heard[0].publish(SourceFrame(np.zeros(shape, np.uint8), 0, 1))
