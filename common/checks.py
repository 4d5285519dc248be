"""What `python -m common.doctor` checks for all stages together: Python, packages, settings, leftovers, a running call.

Settings are read as every stage reads them, from the environment and `.env`. Each stage checks what it needs itself
(common/stages.py).
"""

from __future__ import annotations

import importlib.metadata
import platform
import socket
import sys
from pathlib import Path
from typing import TypeVar

import cv2

from common.errors import AssetError, ConfigError, ProcessorError
from common.findings import Finding, Level
from common.ipc import ring
from common.ipc.shm import find_stale
from common.ipc.streams import FRAMES, endpoint
from common.runtime.install import REINSTALL_COMMAND, SETUP_COMMAND
from common.settings.base import Settings
from common.settings.loader import read_settings
from common.stages import STAGES, all_settings, checks_of, settings_of
from common.vision.assets import ASSETS, cache_dir, is_here

PINNED_OPENCV = "4.14"
ORDER = (
    "settings", "Python", "processor", "OpenCV", "LiteRT", "devices", "model", "assets", "cameras", "screen", "shared memory",
    "leftovers", "running call", "virtual camera", "PipeWire",
)  # fmt: skip
S = TypeVar("S", bound=Settings)


def check_python() -> Finding:
    """Name the Python that is used. One before 3.11 cannot load this module, which common/doctor.py reports."""
    return Finding("Python", Level.OK, f"{platform.python_version()} at {sys.executable}")


def check_processor(machine: str) -> Finding:
    """Check that the rings work on this kind of processor, as `platform.machine` names it."""
    try:
        ring.check_processor(machine)
    except ProcessorError as error:
        return Finding("processor", Level.FAIL, str(error), "a relay elsewhere can be watched from here")
    return Finding("processor", Level.OK, machine)


def check_settings() -> Finding:
    """Check the environment and `.env`, for every stage and the first start."""
    try:
        for name, kind in all_settings().items():
            read_settings(kind, name, [])
    except ConfigError as error:
        return Finding("settings", Level.FAIL, str(error), "mend it in the environment or in .env")
    return Finding("settings", Level.OK, "all understood")


def check_opencv() -> Finding:
    """Check the version: later ones no longer read the tutorial's Mask R-CNN."""
    if not cv2.__version__.startswith(PINNED_OPENCV):
        return Finding("OpenCV", Level.FAIL, cv2.__version__, f"expected {PINNED_OPENCV}: {REINSTALL_COMMAND}")
    return Finding("OpenCV", Level.OK, cv2.__version__)


def check_litert() -> Finding:
    """Check that LiteRT, which runs the embedded detector and the matte, can be loaded."""
    try:
        importlib.import_module("common.vision.litert")
    except ImportError as error:
        return Finding("LiteRT", Level.FAIL, f"cannot be loaded: {error}", REINSTALL_COMMAND)
    return Finding("LiteRT", Level.OK, importlib.metadata.version("ai-edge-litert"))


def check_assets() -> Finding:
    """Check that the pinned files out of wheels are here, by their checksums."""
    try:
        folder = cache_dir()
    except AssetError as error:
        return Finding("assets", Level.NOTE, str(error))
    missing = [asset.name for asset in ASSETS if not is_here(asset, folder)]
    if missing:
        found = f"not in {folder}, or damaged: {', '.join(missing)}"
        return Finding("assets", Level.NOTE, found, f"{SETUP_COMMAND}, while connected")
    return Finding("assets", Level.OK, f"{len(ASSETS)} in {folder}, checksums match")


def check_leftovers() -> Finding:
    """Count shared-memory segments whose writer is gone."""
    names = find_stale()
    if names:
        found = f"{len(names)} segments of calls that were killed"
        return Finding("leftovers", Level.NOTE, found, "the next call removes them")
    return Finding("leftovers", Level.OK, "none")


def check_running(run_dir: Path) -> Finding:
    """Check whether a call runs on this run folder, by connecting to capture's socket.

    Its lock is not tried: a try holds it for a moment, and a capture that starts then would take that for a call.
    """
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.setblocking(False)
        try:
            visitor.connect(endpoint(FRAMES, run_dir).removeprefix("ipc://"))
        except (FileNotFoundError, ConnectionRefusedError):
            return Finding("running call", Level.OK, f"none on {run_dir}")
        except BlockingIOError:  # it listens, but has been stopped for so long that its queue is full
            pass
        except (OSError, ConfigError) as error:
            return Finding("running call", Level.FAIL, f"nobody can tell: {error}", "choose another ONLYME_RUN_DIR")
    found, hint = f"one is going on {run_dir}", "a second one needs its own ONLYME_RUN_DIR"
    return Finding("running call", Level.NOTE, found, hint)


def run_checks() -> list[Finding]:
    """Run all checks, of this module and of every stage; return one finding each, in ORDER."""
    settings = check_settings()
    can_read = settings.level is Level.OK

    def read(kind: type[S]) -> S:
        return read_settings(kind, "doctor", []) if can_read else kind()  # else the rest is checked with the defaults

    findings = [
        settings, check_python(), check_processor(platform.machine()), check_opencv(), check_litert(), check_assets(),
        check_leftovers(), check_running(read(Settings).call_dir),
    ]  # fmt: skip
    for stage in STAGES:
        findings += checks_of(stage)(read(settings_of(stage)))
    return sorted(findings, key=lambda finding: ORDER.index(finding.what))
