"""What a stranger does: clone, `make run`, `make test`, where nothing else is. A minute; CI runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.call import BIN
from tests.shared import ROOT

INSTALL_S = 400

pytestmark = pytest.mark.fresh


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder / "onlyme")], check=True)
    yield folder / "onlyme"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """No screen, no settings, no virtual environment, no cache, a temporary folder for sockets."""
    keep = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("ONLYME_", "VIRTUAL_ENV", "XDG_", "REQUIRE_ALL", "PYTEST"))
    }
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MAKEFLAGS", "MAKELEVEL"):
        keep.pop(name, None)
    keep["PATH"] = ":".join(p for p in keep["PATH"].split(":") if ".venv" not in p)
    cache = tmp_path_factory.mktemp("cache")
    return {
        **keep,
        "XDG_CACHE_HOME": str(cache),
        "ONLYME_RUN_DIR": f"/tmp/onlyme-fresh-{os.getpid()}",
        "ONLYME_STATUS_EVERY": "1",
    }


def seconds_to_first_composite(clone: Path, env: dict[str, str]) -> tuple[float, str]:
    """Of `make run`, from honcho's first line (the end of the installation) or, set up already, from its start."""
    begun: float | None = None
    said: list[str] = []
    with subprocess.Popen(
        ["make", "run"], cwd=clone, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    ) as call:  # fmt: skip
        try:
            assert call.stdout is not None
            limit = time.monotonic() + INSTALL_S
            first = 0.0
            for line in call.stdout:
                said.append(line)
                if begun is None and "capture.1 started" in line:
                    begun = time.monotonic()
                if begun is not None and "first composite" in line:
                    first = time.monotonic() - begun
                if first and "pictures a second" in line:
                    break
                assert time.monotonic() < limit, "".join(said)
            assert first, "".join(said)
            return first, "".join(said)
        finally:
            os.killpg(call.pid, signal.SIGINT)
            call.communicate(timeout=60)  # read on: honcho does not end its processes once its output is closed


def test_the_first_command_brings_the_call_up(clone: Path, plain: dict[str, str]) -> None:
    first, said = seconds_to_first_composite(clone, plain)
    print(f"first composite {first:.2f} s after the installation's end")
    assert "demo scene" in said or "camera:0" in said
    begun = time.monotonic()
    second, said = seconds_to_first_composite(clone, plain)
    print(f"second start: {second:.2f} s")
    assert "installing" not in said and "fetching" not in said
    # targets are 5 s and 3 s (README); a busy machine gets twice that before the test speaks up
    assert first < 10
    assert time.monotonic() - begun < 12


def test_the_second_command_skips_what_asks_for_more_and_says_so(clone: Path, plain: dict[str, str]) -> None:
    """In the environment of this run: that what tests need is installed over what a call needs, .ci/run shows. All tests are
    collected; those that ask for nothing outside of the project would pass or fail as they do in this run."""
    env = {k: v for k, v in plain.items() if not k.startswith("ONLYME_")}
    done = subprocess.run(
        ["make", "test", "PYTHON=true", f"BIN={BIN}", "PYTEST_ARGS=-m model"],
        cwd=clone,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    reasons = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert reasons and all(line.endswith(": the Mask R-CNN and footage of ../shared") for line in reasons), reasons
    assert re.search(r"^\d+ skipped, \d+ deselected in ", done.stdout.splitlines()[-1].strip("= "))
