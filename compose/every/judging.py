"""Judges frames in a thread beside the loop: one batch may take seconds, and a loop that stands still is taken for stuck."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait

from common.ipc.records import DetectorKind
from compose.every.frames import RecordedFrames
from compose.every.judge import Judge, Judged

WAIT_S = 0.02  # for the thread, where there is nothing else to do
AHEAD_BYTES = 2**28  # of judged pictures: so many wait to be rendered before the next frame is judged


class JudgedFrames:
    """The frames that are judged, in order; each is taken when it can be.

    Args:
        frames: What has come.
        judge: Holds frames back until it knows what comes after them. It is used from one thread.

    Attributes:
        model: Name of the networks that found the people, "" before the first result.
        detector: Their kind.
    """

    def __init__(self, frames: RecordedFrames, judge: Judge) -> None:
        self._frames, self._judge = frames, judge
        self._beside = ThreadPoolExecutor(1)
        self._judging: Future[list[Judged]] | None = None
        self._judged: deque[Judged] = deque()
        self._all_taken = False
        self.model, self.detector = "", DetectorKind.NONE

    @property
    def have_ended(self) -> bool:
        """Whether `next` has returned every frame of the recording."""
        return self._all_taken and self._judging is None and not self._judged

    @property
    def is_ready(self) -> bool:
        """Whether `next` has something to do."""
        has_frame = self._frames.is_ready or (self._frames.have_ended and not self._all_taken)
        return bool(self._judged) or self._judging is not None or has_frame

    def next(self) -> Judged | None:
        """Return the next frame that is judged, None if none is within WAIT_S. Meanwhile the one after it is judged.

        Raises:
            RestartError, ConfigError: See `RecordedFrames.take`.
        """
        if self._judging is not None and wait([self._judging], 0 if self._judged else WAIT_S).done:
            self._judged.extend(self._judging.result())
            self._judging = None
        if self._judging is None and self._held_bytes() < AHEAD_BYTES:
            self._begin()
        return self._judged.popleft() if self._judged else None

    def _begin(self) -> None:
        """Have the next frame judged, or the end."""
        if self._frames.is_ready:
            taken = self._frames.take()
            if taken.result is not None:
                self.model, self.detector = taken.result.model, taken.result.detector
            self._judging = self._beside.submit(
                self._judge.add, taken.frame, taken.picture, taken.result, is_cut=taken.is_cut
            )
        elif self._frames.have_ended and not self._all_taken:
            self._all_taken = True
            self._judging = self._beside.submit(self._judge.end)

    def _held_bytes(self) -> int:
        return sum(one.pyramid.picture.nbytes for one in self._judged)
