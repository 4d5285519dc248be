"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import cv2
import numpy as np

from tests.bench.timing import medians_us

COPIED_BYTES = 64 << 20  # more than any cache


def describe() -> str:
    """Processor, cores, memory and its bandwidth, and the versions of what the figures hang on."""
    processor = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    memory_kb = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    litert = importlib.metadata.version("ai-edge-litert")
    return (
        f"{processor} ({platform.machine()}), {os.cpu_count()} cores, {memory_kb / 2**20:.0f} GB, memcpy {memcpy_gbs():.1f} GB/s, "
        f"Linux {platform.release()}, Python {platform.python_version()}, OpenCV {cv2.__version__}, LiteRT {litert}"
    )


def memcpy_gbs() -> float:
    """How fast one core copies what no cache holds, in GB copied a second."""
    source = np.ones(COPIED_BYTES, np.uint8)
    into = np.zeros_like(source)
    return COPIED_BYTES / medians_us({"copy": lambda: np.copyto(into, source)}, 9)["copy"] / 1e3


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
