"""A film as a source: a video file, or one behind an address. Also a stream that comes in parts of some seconds each.

Its pictures come at their own times, see capture/sources/pacing.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from capture.sources.clock import AHEAD, sleep_until
from capture.sources.container import DecodedFrame, VideoInput
from capture.sources.pacing import (
    LONGEST_GAP_S,
    SLIP_AFTER_S,
    SLOWEST_PERIOD_S,
    STREAM_SLIP_AFTER_S,
    Pacer,
    Timeline,
    Verdict,
)
from capture.sources.source import READ_TIMEOUT_S, Source, SourceFrame
from common.errors import SourceError, SourceLostError

# a picture is prepared only so long after the last one, which would be slowed down otherwise, and never much too late
LONGEST_REST_S = 0.02
ON_TIME_NS = 100_000_000  # a picture that comes later than this has the time at which it comes


class PacedSource:
    """Play a film at its own pace, once or in a loop.

    Args:
        name: Name that everybody may read.
        shown: Name for the log.
        open_input: Opens the film.
        once: End after the film.
        reopen: Opens the source again.

    Raises:
        SourceError: It is too slow.
        SourceLostError: It does not deliver its first pictures.
    """

    notice = ""
    read_timeout_s = READ_TIMEOUT_S + LONGEST_GAP_S

    def __init__(
        self, name: str, shown: str, video: VideoInput, open_input: Callable[[], VideoInput], reopen: Callable[[], Source],
        *, once: bool,
    ) -> None:  # fmt: skip
        self.name, self.reopen = name, reopen
        self._video, self._open_input, self._once = video, open_input, once
        self._is_recorded = video.is_recorded
        try:
            period_s = video.period_s()
            if period_s > SLOWEST_PERIOD_S:
                raise SourceError(too_slow(shown, period_s))
        except (SourceError, SourceLostError):
            video.close()
            raise
        if self._is_recorded:
            self._timeline, self._pacer = Timeline(period_s, LONGEST_GAP_S), Pacer(SLIP_AFTER_S)
        else:
            self._timeline, self._pacer = Timeline(period_s, SLOWEST_PERIOD_S), Pacer(STREAM_SLIP_AFTER_S)
        self._passed = self._in_this_pass = 0  # pictures of the passes before, and of this one
        self._last_ns = 0
        self.description = f"{shown}, {video.codec}, at first {1 / period_s:.2f} frames a second"

    def read(self) -> SourceFrame | None:
        """See Source."""
        sleep_until(self._last_ns + round(min((1 - AHEAD) * self._timeline.gap_s, LONGEST_REST_S) * 1e9))
        may_jump = self._is_recorded
        while True:
            decoded = self._video.next_frame()
            if decoded is None:
                if not self._begin_again():
                    return None
                continue
            self._in_this_pass = decoded.number + 1
            index = self._passed + decoded.number
            time_s = self._timeline.add(decoded.stamp_s, index)
            verdict = self._verdict(time_s, may_jump)
            if verdict is Verdict.SHOW:
                return self._show(decoded, index, time_s)
            may_jump = self._is_recorded and verdict is not Verdict.JUMP  # each jump leads to a picture

    def close(self) -> None:
        """See Source."""
        self._video.close()

    def _verdict(self, time_s: float, may_jump: bool) -> Verdict:
        """Return what to do with a picture. After JUMP the next one is that of the key frame."""
        now_ns, gap_s = time.monotonic_ns(), self._timeline.gap_s
        verdict = self._pacer.decide(time_s, gap_s, now_ns, may_jump)
        if verdict is Verdict.JUMP:
            target_s = self._timeline.stamp_at(self._pacer.time_due_s(now_ns))
            if target_s is None or not self._video.jump_to(target_s):
                return self._pacer.decide(time_s, gap_s, now_ns, may_jump=False)
        return verdict

    def _show(self, decoded: DecodedFrame, index: int, time_s: float) -> SourceFrame:
        picture = self._video.picture(decoded.frame)
        now_ns = time.monotonic_ns()
        due_ns = self._pacer.due_ns(time_s, now_ns)
        self._last_ns = max(due_ns if now_ns - due_ns < ON_TIME_NS else now_ns, self._last_ns + 1)
        frame = SourceFrame(picture, index, self._last_ns)
        sleep_until(self._last_ns)
        return frame

    def _begin_again(self) -> bool:
        """Open a film once more at its end. False if it is to be played once.

        Raises:
            SourceLostError: It cannot be opened any more, or it was a stream.
        """
        if not self._is_recorded:
            raise SourceLostError(f"{self.name} stopped delivering; check it")
        if self._once:
            return False
        self._video.close()
        try:
            self._video = self._open_input()
        except SourceError:
            raise SourceLostError(f"{self.name} cannot be read any more; was it moved?") from None
        self._passed, self._in_this_pass = self._passed + self._in_this_pass, 0
        self._timeline.begin_again()
        return True


def too_slow(shown: str, period_s: float) -> str:
    """Return what a user is told of a source with so long between two pictures."""
    return (
        f"--source: expected at least one picture in {SLOWEST_PERIOD_S:.0f} s, got one in {period_s:.1f} s from {shown}; "
        "use a source with more pictures a second"
    )
