"""`python -m common.doctor [--json]`: what works on this machine, and what to do about the rest.

Looks, and changes nothing: no camera is switched on, nothing is fetched, removed or stopped. Settings are read as every
stage reads them, from the environment and `.env`. Exit code 0: a call can be brought up; 1: something prevents it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import shutil
import socket
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import cv2
import onnxruntime

from common import v4l2
from common.config import AUTO, NO_MODEL, SCHEMAS, CaptureSettings, InferSettings, Settings, read_settings
from common.devices import available
from common.errors import ConfigError, ModelError, ProcessorError
from common.ipc import ring
from common.ipc.shm import SHM_FOLDER, find_stale
from common.ipc.streams import FRAMES, IPC_STREAMS, endpoint
from common.model import GRAPH_SUM, WEIGHTS_SUM, find_model, find_onnx, is_wanted, models_in, why_not_fetched
from common.screen import window_unavailable_reason
from common.vision.assets import ASSETS, cache_dir, is_here

PINNED_OPENCV = "4.14"
OLDEST_PYTHON = (3, 11)


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"  # works, with less
    FAIL = "FAIL"  # prevents a call


class Finding(NamedTuple):
    """One line: what was looked at, how it is, what was found, and what to do about it ("" for nothing)."""

    what: str
    level: Level
    found: str
    do: str = ""


def check_python() -> Finding:
    """The version."""
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < OLDEST_PYTHON:
        return Finding("Python", Level.FAIL, found, "install Python 3.11 or newer, then make clean setup")
    return Finding("Python", Level.OK, found)


def check_processor(machine: str) -> Finding:
    """Whether the rings can be used."""
    try:
        ring.check_processor(machine)
    except ProcessorError as error:
        return Finding("processor", Level.FAIL, str(error), "a relay elsewhere can be watched from here")
    return Finding("processor", Level.OK, machine)


def check_settings() -> Finding:
    """Environment and `.env`, for every stage and the first start."""
    try:
        for name, kind in SCHEMAS.items():
            read_settings(kind, name, [])
    except ConfigError as error:
        return Finding("settings", Level.FAIL, str(error), "mend it in the environment or in .env")
    return Finding("settings", Level.OK, "all understood")


def check_opencv() -> Finding:
    """The version: the next ones read the tutorial's Mask R-CNN no more."""
    if not cv2.__version__.startswith(PINNED_OPENCV):
        return Finding("OpenCV", Level.FAIL, cv2.__version__, f"expected {PINNED_OPENCV}: make clean setup")
    return Finding("OpenCV", Level.OK, cv2.__version__)


def check_devices(device: str) -> Finding:
    """What ONNX Runtime was built for, and whether that is what `--device` asks for."""
    here = available()
    found = f"ONNX Runtime {onnxruntime.__version__} for {', '.join(here)}"
    if device not in (AUTO, *here):
        do = f"install a build of ONNX Runtime for {device} in its place, or ONLYME_DEVICE=auto"
        return Finding("devices", Level.FAIL, f"{found}; {device} is asked for", do)
    return Finding("devices", Level.OK, found)


def check_litert() -> Finding:
    """Whether the small networks can be run at all."""
    try:
        importlib.import_module("common.vision.litert")
    except ImportError as error:
        return Finding("LiteRT", Level.FAIL, f"cannot be loaded: {error}", "make clean setup")
    return Finding("LiteRT", Level.OK, importlib.metadata.version("ai-edge-litert"))


def check_model(folder: Path) -> Finding:
    """The Mask R-CNN, by its files and, where it is the tutorial's own, by its checksums."""
    if folder == NO_MODEL:
        return Finding("model", Level.OK, "none is wanted: the embedded detector finds people")
    if not is_wanted(folder):
        return Finding(
            "model", Level.NOTE, f"no Mask R-CNN in {folder}{why_not_fetched(folder)}: the embedded detector finds people, "
            "may miss a back or a limb alone, and finds no things", "make model, or set ONLYME_MASK_RCNN",
        )  # fmt: skip
    try:
        if (file := find_onnx(folder)) is not None:
            beside = [path.name for path in models_in(folder) if path != file]
            unused = f"; {', '.join(beside)} beside it is not used" if beside else ""
            return Finding(
                "model", Level.OK, f"{file.name} ({file.stat().st_size / 2**20:.1f} MiB) in {folder}{unused}"
            )
        weights, graph = find_model(folder)
    except ModelError as error:
        return Finding("model", Level.FAIL, str(error), "make model, or set ONLYME_MASK_RCNN")
    if WEIGHTS_SUM.matches(weights) and GRAPH_SUM.matches(graph):
        return Finding("model", Level.OK, f"the tutorial's Mask R-CNN in {folder}, checksums match")
    size = weights.stat().st_size / 2**20
    return Finding(
        "model", Level.OK, f"{weights.name} ({size:.1f} MiB) in {folder}, not the tutorial's: no checksum to compare"
    )


def check_assets() -> Finding:
    """The pinned files out of wheels."""
    missing = [asset.name for asset in ASSETS if not is_here(asset, cache_dir())]
    if missing:
        return Finding(
            "assets",
            Level.NOTE,
            f"not in {cache_dir()}, or damaged: {', '.join(missing)}",
            "make setup, while connected",
        )
    return Finding("assets", Level.OK, f"{len(ASSETS)} in {cache_dir()}, checksums match")


def check_cameras(found: list[v4l2.Device], settings: CaptureSettings) -> Finding:
    """Cameras with what they offer nearest to what is asked."""
    cameras = [device for device in found if device.captures and not device.takes_output]
    if not cameras:
        level = Level.FAIL if settings.source.startswith("camera:") else Level.NOTE
        return Finding("cameras", level, "none", "plug one in; until then --source auto plays the demo scene")
    wanted = f"{settings.width} x {settings.height}"
    described, lacking = [], False
    for camera in cameras:
        fitting = [m for m in camera.modes if (m.width, m.height) == (settings.width, settings.height)]
        best = max(fitting, key=lambda m: (m.fourcc == "MJPG", m.fps), default=None)
        lacking = lacking or best is None or (0 < best.fps < settings.fps)
        offers = str(best) if best else f"no {wanted}, but " + ", ".join(sorted({str(m) for m in camera.modes})[:6])
        described.append(f"{camera.path} {camera.name}: {offers}")
    do = (
        f"asked are {wanted} at {settings.fps:g}: set ONLYME_WIDTH, ONLYME_HEIGHT, ONLYME_FPS to one it has"
        if lacking
        else ""
    )
    return Finding("cameras", Level.NOTE if lacking else Level.OK, "; ".join(described), do)


def check_virtual_camera(found: list[v4l2.Device]) -> Finding:
    """A device that other programs take for a camera."""
    outputs = [device for device in found if device.takes_output]
    if outputs:
        return Finding("virtual camera", Level.OK, "; ".join(f"{d.path} {d.name} ({d.driver})" for d in outputs))
    return Finding(
        "virtual camera",
        Level.NOTE,
        "none",
        "apt-get install v4l2loopback-dkms; modprobe v4l2loopback exclusive_caps=1",
    )


def check_screen() -> Finding:
    """Whether a window can be opened."""
    why = window_unavailable_reason()
    return (
        Finding("screen", Level.NOTE, why, "without it the call runs headless")
        if why
        else Finding("screen", Level.OK, "a window opens")
    )


def check_memory(settings: CaptureSettings, folder: Path = Path(SHM_FOLDER)) -> Finding:
    """Room for the rings in shared memory."""
    usage = shutil.disk_usage(folder)
    needed = sum(
        ring.ring_bytes((settings.height, settings.width, 3), stream.slots) for stream in IPC_STREAMS if stream.slots
    )
    found = f"{usage.free / 2**20:.0f} of {usage.total / 2**20:.0f} MiB free in {folder}, {needed / 2**20:.0f} needed"
    if usage.free < needed:
        return Finding("shared memory", Level.FAIL, found, f"smaller pictures, or mount -o remount,size=256M {folder}")
    return Finding("shared memory", Level.OK, found)


def check_leftovers() -> Finding:
    """Segments of writers that are gone."""
    names = find_stale()
    if names:
        return Finding(
            "leftovers", Level.NOTE, f"{len(names)} segments of calls that were killed", "the next call removes them"
        )
    return Finding("leftovers", Level.OK, "none")


def check_running(run_dir: Path) -> Finding:
    """Whether a call runs on this run folder: capture answers at its door.

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
    return Finding(
        "running call", Level.NOTE, f"one is going on {run_dir}", "a second one needs its own ONLYME_RUN_DIR"
    )


def examine() -> list[Finding]:
    """Everything, in the order of a screen."""
    settings = check_settings()
    capture, infer, every = _settings_or_defaults(settings)
    cameras = v4l2.devices()
    checks: list[Callable[[], Finding]] = [
        check_python, lambda: check_processor(platform.machine()), check_opencv, check_litert, lambda: check_devices(infer.device),
        lambda: check_model(infer.mask_rcnn), check_assets,
        lambda: check_cameras(cameras, capture), check_screen, lambda: check_memory(capture), check_leftovers,
        lambda: check_running(every.call_dir), lambda: check_virtual_camera(cameras),
    ]  # fmt: skip
    return [settings, *(check() for check in checks)]


def _settings_or_defaults(found: Finding) -> tuple[CaptureSettings, InferSettings, Settings]:
    """Where they cannot be read, the rest is still looked at, with the defaults."""
    if found.level is Level.FAIL:
        return CaptureSettings(), InferSettings(), Settings()
    return (
        read_settings(CaptureSettings, "doctor", []),
        read_settings(InferSettings, "doctor", []),
        read_settings(Settings, "doctor", []),
    )


def main() -> None:
    """Print the findings; exit with 1 if one of them prevents a call."""
    parser = argparse.ArgumentParser(
        prog="python -m common.doctor", description="What works here, and what to do about the rest."
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    as_json = parser.parse_args().json
    findings = examine()
    fit = all(finding.level is not Level.FAIL for finding in findings)
    if as_json:
        print(json.dumps({"fit": fit, "findings": [finding._asdict() for finding in findings]}, indent=1))
    else:
        for finding in findings:
            print(f"{finding.level:<5} {finding.what:<15} {finding.found}")
            if finding.do:
                print(f"{'':<21} → {finding.do}")
    sys.exit(0 if fit else 1)


if __name__ == "__main__":
    main()
