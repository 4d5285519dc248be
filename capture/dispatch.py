"""Decides which idle worker gets which frame: the newest frame, and each frame once. Pure."""

from __future__ import annotations

from collections import OrderedDict

FORGOTTEN_AFTER_S = 5.0
BUSY_TIMEOUT_S = 2.0  # a worker that was silent for longer no longer occupies a core


def should_dispatch(age_ns: int, period_ns: int) -> bool:
    """Return True to send a frame to an idle worker now, False to wait for the next frame, which comes soon.

    Waiting for half a period makes the result a whole period fresher. If the next frame is late, the current one is sent.

    Args:
        age_ns: Time since the frame was captured.
        period_ns: Time between the last two frames, 0 if there was only one.
    """
    return 2 * age_ns <= period_ns or 2 * age_ns > 3 * period_ns


class Dispatcher:
    """Give each worker a credit of one: it requests a frame when idle, gets one, and requests again when done.

    More workers than cores would only slow each other down, so at most one per core is busy at a time.

    Args:
        cores: Number of cores of this machine.
    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._busy_since: dict[bytes, float] = {}
        self._idle: OrderedDict[bytes, None] = OrderedDict()
        self._requested_at: dict[bytes, float] = {}
        self._assigned = (0, -1)  # epoch, frame_id

    def request(self, worker: bytes, now: float) -> None:
        """Record that a worker is idle. A second request has no effect."""
        self._busy_since.pop(worker, None)
        self._idle.setdefault(worker)
        self._requested_at[worker] = now

    def next_worker(self, epoch: int, frame_id: int, now: float) -> bytes | None:
        """Return the worker that has waited longest.

        Returns:
            None if no worker is idle, no core is free, or the frame was assigned already (a new epoch counts from 0 again).
        """
        last_epoch, last_id = self._assigned
        if sum(now - since < BUSY_TIMEOUT_S for since in self._busy_since.values()) >= self._cores:
            return None
        return next(iter(self._idle), None) if epoch != last_epoch or frame_id > last_id else None

    def assign(self, worker: bytes, epoch: int, frame_id: int, now: float) -> None:
        """Record that a frame was sent to a worker, which is busy from now on."""
        self._idle.pop(worker, None)
        self._busy_since[worker] = now
        self._assigned = (epoch, frame_id)

    def remove(self, worker: bytes) -> None:
        """Forget a worker that is gone."""
        self._busy_since.pop(worker, None)
        self._idle.pop(worker, None)
        self._requested_at.pop(worker, None)

    def worker_count(self, now: float) -> int:
        """Return the number of workers that requested a frame lately, at least 1. Removes the others."""
        for worker, requested_at in list(self._requested_at.items()):
            if now - requested_at > FORGOTTEN_AFTER_S:
                self.remove(worker)
        return max(1, len(self._requested_at))
