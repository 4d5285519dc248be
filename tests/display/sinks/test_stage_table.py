from __future__ import annotations

from io import StringIO

from rich.console import Console

from common.metrics.metrics import Sample
from common.stages import STAGES
from display.sinks.stage_table import Figures, rows_of, sum_up, table_of

CALL = [
    Sample("capture.1", "frames_captured", {}, 100),
    Sample("infer.1", "masks_sent", {}, 10), Sample("infer.1", "inference_seconds", {}, 1.0, 10), Sample("infer.1", "cpu_cores", {}, 0.5),
    Sample("infer.2", "masks_sent", {}, 20), Sample("infer.2", "inference_seconds", {}, 1.0, 10), Sample("infer.2", "cpu_cores", {}, 0.75),
    Sample("compose.1", "composed", {}, 100), Sample("compose.1", "restarts", {}, 2),
    Sample("display-4711", "shown", {}, 90), Sample("display-4711", "missed", {}, 10),
    Sample("display.relay-4712", "viewers", {}, 3), Sample("display.relay-4712", "dropped", {"what": "picture", "cause": "slow"}, 4),
    Sample("display.relay-4712", "dropped", {"what": "key", "cause": "unknown"}, 1),
]  # fmt: skip


def test_every_stage_is_one_row_with_what_came_lately() -> None:
    later = [sample._replace(value=2 * sample.value, times=2 * sample.times) for sample in CALL]
    rows = {row.stage: row for row in rows_of(sum_up(later), sum_up(CALL), 5.0)}
    assert list(rows) == ["capture", "infer x2", "compose", "display", "relay"]
    assert rows["capture"].rate == "20.0"
    infer = rows["infer x2"]
    assert (infer.rate, infer.each, infer.cores) == ("6.0", "100 ms", "2.50")
    assert (rows["compose"].restarts, rows["display"].lost) == ("4", "20 picture, missed")
    assert rows["relay"].lost == "10 picture, slow", "the most frequent cause stands for all"


def test_without_an_earlier_look_there_is_no_rate() -> None:
    assert [row.rate for row in rows_of(sum_up(CALL), {}, 5.0)] == [""] * 5


def test_a_process_that_began_anew_gives_no_negative_rate() -> None:
    fewer = [sample._replace(value=sample.value / 2, times=sample.times // 2) for sample in CALL]
    assert {row.rate for row in rows_of(sum_up(fewer), sum_up(CALL), 5.0)} <= {"0.0", ""}


def test_brackets_in_a_label_are_not_markup_and_every_row_is_one_line_of_80_columns() -> None:
    """A state such as "[/x]" ended the display."""
    causes = ("a cause that is longer than any line of a terminal that people have in front of them", "[/b]")
    samples = [Sample(f"{stage}.1", "dropped", {"cause": causes[0], "what": "[red]"}, 123456) for stage in STAGES]
    samples += [
        Sample("display.1", "cpu_cores", {}, 12.25),
        Sample("display.1", "shown", {}, 1000),
        Sample("display.1", "restarts", {}, 5),
    ]
    samples += [Sample("infer.1", "inference_seconds", {}, 98.765, 1)]
    samples += [Sample(f"infer.{n}", "dropped", {"what": "[/p]", "cause": causes[1]}, 9) for n in range(12)]
    written = StringIO()
    Console(file=written, width=80).print(table_of(rows_of(sum_up(samples), {"display": Figures()}, 1.0)))
    lines = written.getvalue().rstrip("\n").split("\n")
    assert len(lines) == 1 + len(STAGES) and max(map(len, lines)) <= 80
    assert "123456 [red]" in lines[1]
    assert lines[2].split()[5:8] == ["0.0", "98765", "ms"], "figures are whole"
    assert all(cell in lines[4] for cell in ("shows the result", "1000.0", "12.25", "5"))
