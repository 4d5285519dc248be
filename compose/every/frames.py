"""Receives the frames of a recording in order, and matches each look with its result."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from common.errors import ConfigError, RestartError, RingGoneError
from common.ipc.credit import CreditedReceiver, deep
from common.ipc.messages import FrameCaptured, MasksInferred, RecordingEnded
from common.ipc.records import FrameInfo
from common.ipc.ring import RingCache
from common.ipc.streams import FRAMES, FRAMES_WANTED, MASKS, Context, bind, connect, receive
from common.metrics.counters import Counters
from common.redaction.results import ResultsFile
from common.vision.arrays import BgrImage


class Recorded(NamedTuple):
    """One frame of a recording.

    picture: (H, W, 3) uint8 BGR; the receiver owns it.
    result: What was found in it; None exactly where nobody looked.
    is_cut: Whether the frame is the first of another shot.
    """

    frame: FrameInfo
    picture: BgrImage
    result: MasksInferred | None
    is_cut: bool


class RecordedFrames:
    """The frames that have come and are not taken yet.

    A frame lies in capture's ring until it is taken: only then capture is told that the next one is wanted. A look is taken with its
    result, so its worker finds it there too.

    Args:
        context: ZeroMQ context of the process.
        run_dir: Run folder of the call.
        kept: Results of an earlier run, to which those of this one are added; None: none are kept.
        counters: Count what cannot be used.
    """

    def __init__(self, context: Context, run_dir: Path, kept: ResultsFile | None, counters: Counters) -> None:
        self._messages = CreditedReceiver[FrameCaptured | RecordingEnded](
            connect(context, deep(FRAMES), run_dir),
            connect(context, FRAMES_WANTED, run_dir),
            (FrameCaptured, RecordingEnded),
            counters,
        )
        self._masks = bind(context, MASKS, run_dir)
        self.sockets = (self._messages.socket, self._masks)
        self._kept, self._counters, self._ring = kept, counters, RingCache()
        self._come: deque[FrameCaptured] = deque()
        self._results: dict[int, MasksInferred] = {}  # of frames that are not taken yet, by number
        self._taken = 0
        self._count: int | None = None  # of the recording's frames, once that is known

    @property
    def have_ended(self) -> bool:
        """Whether every frame of the recording was taken."""
        return self._taken == self._count

    @property
    def is_ready(self) -> bool:
        """Whether the next frame has come, and its result if somebody looked."""
        if not self._come:
            return False
        message = self._come[0]
        return not message.is_look or self._result_of(message.frame) is not None

    def receive(self) -> None:
        """Receive what has come, and tell capture what is wanted. Call it at every turn."""
        for result in receive(self._masks, MasksInferred, self._counters):
            if result.frame_id >= self._taken:  # else a look that was given to a second worker
                self._results.setdefault(result.frame_id, result)
        for message in self._messages.receive():
            if isinstance(message, RecordingEnded):
                self._count = message.number
            else:
                self._come.append(message)
        self._messages.tell(self._taken + self.have_ended)

    def take(self) -> Recorded:
        """Return the next frame, where `is_ready`.

        Raises:
            RestartError: Its picture is not there any more, because capture has ended.
            ConfigError: Its result cannot be kept, as on a full disk.
        """
        message, picture = self._come[0], None
        frame = message.frame
        with suppress(RingGoneError):
            picture = self._ring.read(frame.segment, frame.sequence, frame.shape, None)
        if picture is None:  # what is wanted is never overwritten
            raise RestartError(f"frame {frame.frame_id} is not there any more, because capture has ended; start again")
        result = self._result_of(frame) if message.is_look else None
        if result is not None and self._kept is not None:
            try:
                self._kept.add(result)
            except OSError as error:
                raise ConfigError(f"--results: cannot write it ({error.strerror}); make room and start again") from None
        self._come.popleft()
        self._results.pop(frame.frame_id, None)
        self._taken += 1
        return Recorded(frame, picture, result, message.is_cut)

    def _result_of(self, frame: FrameInfo) -> MasksInferred | None:
        """Return the result of a frame: of this run, or of an earlier one."""
        result = self._results.get(frame.frame_id)
        if result is None and self._kept is not None and (result := self._kept.result_of(frame)) is not None:
            self._results[frame.frame_id] = result
        if result is not None and (result.epoch, result.captured_ns) != (frame.epoch, frame.captured_ns):
            self._counters.count("masks", "of another recording")
            del self._results[frame.frame_id]  # capture has the look made again
            return None
        return result
