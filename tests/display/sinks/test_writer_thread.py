from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import DisplayError
from display.sinks import writer_thread
from display.sinks.writer_thread import MAX_WAITING_BYTES, WriterThread

OUT = Path("call.mp4")


@pytest.mark.parametrize("size", [1280 * 720 * 3, 3840 * 2160 * 3, 7680 * 4320 * 3], ids=["720p", "2160p", "4320p"])
def test_what_waits_is_bounded_in_bytes(size: int) -> None:
    go_on, written = threading.Event(), []

    def write(items: Iterator[int]) -> None:
        for item in items:
            go_on.wait()
            written.append(item)

    thread = WriterThread("video", OUT, write)
    taken = [number for number in range(200) if thread.put(number, size)]
    assert taken == list(range(max(1, MAX_WAITING_BYTES // size)))
    assert thread.fill * MAX_WAITING_BYTES == len(taken) * size
    go_on.set()
    thread.close()
    assert written == taken
    assert thread.fill == 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(28, "No space left on device"),
            r"cannot go on writing call.mp4 \(No space left on device\); make room",
        ),
        (RuntimeError("two\nlines"), r"--sink video: cannot go on writing call.mp4 \(RuntimeError: two lines\)"),
    ],
    ids=["disk", "encoder"],
)
def test_what_ends_the_thread_is_raised_in_one_line(error: Exception, said: str) -> None:
    failed = threading.Event()

    def write(items: Iterator[int]) -> None:
        next(items)
        failed.set()
        raise error

    thread = WriterThread("video", OUT, write)
    assert thread.put(1, 1)
    failed.wait()
    thread._thread.join()
    for call in (lambda: thread.put(2, 1), thread.close):
        with pytest.raises(DisplayError, match=said) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_a_disk_that_stands_still_does_not_keep_the_display_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent would take the display for stuck and start another one, although the viewer has quit."""
    monkeypatch.setattr(writer_thread, "CLOSE_PATIENCE_S", 0.01)
    go_on = threading.Event()

    def write(items: Iterator[int]) -> None:
        for _ in items:
            go_on.wait()

    thread = WriterThread("record", OUT, write)
    thread.put(1, 1)
    with pytest.raises(DisplayError, match="too slow"):
        thread.close()
    go_on.set()
    thread._thread.join()
