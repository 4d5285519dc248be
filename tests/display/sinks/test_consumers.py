from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from display.sinks import consumers
from display.sinks.consumers import DeviceConsumers
from tests.processes.neighbours import wait_for

OPENS = "import sys; file = open(sys.argv[1]); print(flush=True); input()"


@contextmanager
def program_with(device: Path) -> Iterator[None]:
    """A program that has a device open."""
    with subprocess.Popen(
        [sys.executable, "-c", OPENS, str(device)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()
        yield
        program.communicate("\n")


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "video9"
    path.touch()
    return path


def test_a_program_that_opens_the_device_is_there_until_it_closes_it(
    device: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with device.open():  # as the sink itself has it
        watch = DeviceConsumers(device)
        assert not watch.are_there()
        with program_with(device), program_with(device):
            wait_for("the programs", watch.are_there)
        wait_for("their end", lambda: not watch.are_there())
        watch.close()
    assert "is used by python" in caplog.text and caplog.messages[-1].endswith("is used by nobody any more")


def test_a_program_that_has_the_device_open_already_is_found(device: Path) -> None:
    with program_with(device):
        assert DeviceConsumers(device).are_there()


def test_a_program_that_opens_the_device_for_a_moment_is_not_there(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every program that lists the cameras does so; the second one is the negative control."""
    now, found = [100.0], list[str]()
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    watch = DeviceConsumers(device)
    assert not watch.are_there()
    monkeypatch.setattr(consumers, "holders_of_file", lambda _: "".join(found))
    found.append("Zoom (pid 5)")
    device.open().close()
    assert not watch.are_there()
    found.clear()
    now[0] += consumers.SETTLE_S
    assert not watch.are_there()
    found.append("Zoom (pid 5)")
    device.open().close()
    assert not watch.are_there()
    now[0] += consumers.SETTLE_S
    assert watch.are_there()


def test_nobody_is_looked_for_while_nothing_is_opened(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Path] = []

    def holders(path: Path) -> str:
        looks.append(path)
        return ""

    monkeypatch.setattr(consumers, "holders_of_file", holders)
    watch = DeviceConsumers(device)
    for _ in range(20):
        watch.are_there()
    assert looks == [device]


def test_without_a_watch_of_the_kernel_somebody_counts_as_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert DeviceConsumers(tmp_path / "gone").are_there()
    assert "the camera stays on" in caplog.text and caplog.text.count("\n") == 1
