"""The clock of a recording (`--pace every`): a frame's `captured_ns` is its own time stamp, and no wall time decides anything. Pure."""

from __future__ import annotations

RECORDING_BEGIN_NS = 10**12  # time stamp 0: the small negative ones that some containers begin with stay above 0


def captured_ns_of(stamp_s: float) -> int:
    """Return the `captured_ns` of a time stamp in seconds."""
    return RECORDING_BEGIN_NS + round(stamp_s * 1e9)


def stamp_s_of(captured_ns: int) -> float:
    """Return the time stamp in seconds that a `captured_ns` stands for."""
    return (captured_ns - RECORDING_BEGIN_NS) / 1e9
