from __future__ import annotations

from pathlib import Path

from common.ipc.messages import ViewersPresent
from common.ipc.streams import VIEWERS, bind, open_context, receive
from common.metrics.counters import Counters
from common.runtime.run_dir import open_run_dir
from display.viewer_report import REPEAT_NS, ViewerReport
from tests.processes.neighbours import wait_for

SECOND = 1_000_000_000


def test_somebody_who_looks_is_reported_at_once_and_again_and_nobody_never(run_dir: Path, counters: Counters) -> None:
    open_run_dir(run_dir)
    with open_context() as context:
        report = ViewerReport(context, run_dir)
        report.update(True, 1)  # capture is not there yet: it is tried again
        capture = bind(context, VIEWERS, run_dir)

        def first() -> list[ViewersPresent]:
            report.update(True, SECOND)
            return receive(capture, ViewersPresent, counters)

        assert wait_for("the first report", first) == [ViewersPresent(SECOND)]
        for now_ns in (SECOND + REPEAT_NS - 1, SECOND + REPEAT_NS):
            report.update(True, now_ns)
        for now_ns in range(2 * SECOND, 9 * SECOND, SECOND):
            report.update(False, now_ns)
        report.update(True, 9 * SECOND)
        report.update(False, 9 * SECOND)
        report.update(True, 9 * SECOND + 1)
        came: list[ViewersPresent] = []

        def three() -> bool:
            came.extend(receive(capture, ViewersPresent, counters))
            return len(came) >= 3

        wait_for("the reports", three)
    assert [message.seen_ns for message in came] == [SECOND + REPEAT_NS, 9 * SECOND, 9 * SECOND + 1]
