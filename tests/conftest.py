"""Fixtures shared by all tests. With REQUIRE_ALL set, as CI sets it, what is missing fails instead of skipping."""

from __future__ import annotations

import importlib.util
import logging
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from common.metrics.counters import Counters
from tests import pipewire
from tests.segments import new_since, segment_names
from tests.shared import MASK_RCNN, ROOT, SCORE


def missing(what: str) -> None:
    if os.environ.get("REQUIRE_ALL"):
        pytest.fail(f"required here, but missing: {what}")
    pytest.skip(what)


def on_a_disk(options: str, folder: Path, argv: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Python on `argv` where `folder` is a disk of its own, mounted with these options; for tests with the mark `root`."""
    mounted = f'mount -t tmpfs -o {options} tmpfs {folder} && exec "$0" "$@"'
    command = ["unshare", "--mount", "sh", "-c", mounted, sys.executable, *argv]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)


def in_small_memory(size_mb: int, argv: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The same with a /dev/shm of so many MiB."""
    return on_a_disk(f"size={size_mb}m", Path("/dev/shm"), argv, env)


@cache
def may_be_root() -> bool:
    """Whether files can be given away, and disks and namespaces made."""
    made = ["unshare", "--mount", "--pid", "--fork", "true"]
    return os.getuid() == 0 and subprocess.run(made, check=False, capture_output=True).returncode == 0


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Every open fails with EMFILE, as under a flood of connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def as_user(uid: int) -> Iterator[None]:
    """This process is another user's; for tests with the mark `root`."""
    os.setresuid(uid, uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture(scope="session", autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Calls of tests neither read nor write what the user of this machine has saved."""
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """See that what a test is marked with is here, before any of its fixtures is made."""
    if item.get_closest_marker("model") and not (MASK_RCNN.is_dir() and SCORE.is_file()):
        missing("the Mask R-CNN and footage of ../shared")
    if item.get_closest_marker("root") and not may_be_root():
        missing("root's rights")
    if item.get_closest_marker("tls") and shutil.which("openssl") is None:
        missing("openssl (Debian: openssl)")
    if item.get_closest_marker("ray") and importlib.util.find_spec("ray") is None:
        missing("Ray (requirements-ray.txt)")
    if item.get_closest_marker("browser") and not any(map(shutil.which, ("chromium", "chromium-browser"))):
        missing("Chromium (Debian: chromium)")
    if item.get_closest_marker("pipewire") and (lacking := pipewire.missing_packages()):
        missing(f"PipeWire and what reads from it (Debian: {lacking})")
    if item.get_closest_marker("screen"):
        for tool in ("Xvfb", "xdotool", "xwd", "openbox", "wmctrl"):
            if shutil.which(tool) is None:
                missing(f"{tool} (Debian: xvfb xdotool x11-apps openbox wmctrl)")


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """A short path: Unix sockets allow 107 bytes, pytest's own folders can be longer."""
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        yield Path(folder) / "run"


@pytest.fixture
def counters() -> Counters:
    return Counters(logging.getLogger("test"))


@pytest.fixture
def segments() -> Iterator[None]:
    """Fail a test that leaves a segment in shared memory. Those of another call of this user are not counted."""
    before = segment_names()
    yield
    assert new_since(before) == set(), "a segment was left in shared memory"


@pytest.fixture
def screen() -> Iterator[str]:
    """An empty X screen of our own, such as ":93"; kept when its last client leaves, as a desktop's is by its session."""
    reader, writer = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1400x900x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=[writer], stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        os.close(writer)
        with os.fdopen(reader) as pipe:
            number = pipe.readline().strip()
        yield f":{number}"
        server.terminate()
