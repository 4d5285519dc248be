"""Decides when a picture that has its own time is shown, and what to do when it comes late. Pure.

A film keeps its own times: each picture is due so long after the first one as its timestamp says. Where decoding is slower
than that, pictures are left out; where it stays slower, the film jumps to the newest key frame that is due; and where there is no
key frame to jump to, the clock slips, so that the film runs slower but goes on.
"""

from __future__ import annotations

from enum import Enum
from itertools import pairwise

from common.ipc.source_period import LONGEST_NS

# the longest time between two pictures for which compose can show them: 2 s, and a tenth for clocks that are not exact
SLOWEST_PERIOD_S = LONGEST_NS / 1e9
LONGEST_GAP_S = 10.0  # a longer one between two timestamps is a jump of the timestamps, not time that passes
JUMP_AFTER_S = 0.5
# a stream that was late is as late from then on; if it hurried it would have to wait again at its next part
STREAM_SLIP_AFTER_S = 0.5
SLIP_AFTER_S = 5.0  # key frames are 0.5 to 10 s apart in most films, and nobody notices how late a silent film is
SHOW_EVERY_S = 1 / 15  # converting so many pictures hardly slows down the decoding


class Verdict(Enum):
    """What to do with a decoded picture."""

    SHOW = "show it at its time, or now if that has passed"
    SKIP = "leave it out, because the next one is due as well"
    JUMP = "leave it out, and go on at the newest key frame that is due"


class Timeline:
    """Turns the timestamps of a container, which may be missing, jump or begin again, into seconds since the first picture.

    Args:
        gap_s: Time between two pictures until it is known.
        longest_gap_s: A longer time between two timestamps counts as a jump of the timestamps.
    """

    def __init__(self, gap_s: float, longest_gap_s: float = LONGEST_GAP_S) -> None:
        self.gap_s = gap_s
        self._longest_gap_s = longest_gap_s
        self._last_s = -gap_s
        self._last_index = -1
        self._offset_s: float | None = None

    def begin_again(self) -> None:
        """Let the next timestamp follow the last one by one gap, as in a film that begins again."""
        self._offset_s = None

    def add(self, stamp_s: float | None, index: int) -> float:
        """Return the time of a picture, which is later than that of the picture before.

        Args:
            stamp_s: Its timestamp; None if it has none.
            index: Its number. Numbers may be left out.
        """
        follows_s = self._last_s + self.gap_s * max(1, index - self._last_index)
        if stamp_s is None:
            time_s = follows_s
        else:
            step_s = 0.0 if self._offset_s is None else stamp_s + self._offset_s - self._last_s
            frames = max(1, index - self._last_index)
            if 0 < step_s <= self._longest_gap_s * frames:
                self.gap_s = step_s / frames
                time_s = self._last_s + step_s
            else:
                time_s = follows_s
                self._offset_s = time_s - stamp_s
        self._last_s, self._last_index = time_s, index
        return time_s

    def stamp_at(self, time_s: float) -> float | None:
        """Return the timestamp that stands for a time; None if no timestamp is known."""
        return None if self._offset_s is None else time_s - self._offset_s


class Pacer:
    """Decides about each picture of one film. All times are CLOCK_MONOTONIC ns, or seconds since the first picture.

    Args:
        slip_after_s: The lateness after which the clock slips.
    """

    def __init__(self, slip_after_s: float = SLIP_AFTER_S) -> None:
        self._slip_after_s = slip_after_s
        self._started_ns: int | None = None
        self._shown_ns = 0

    def due_ns(self, time_s: float, now_ns: int) -> int:
        """Return when the picture of `time_s` is due. The first one is due now."""
        if self._started_ns is None:
            self._started_ns = now_ns - round(time_s * 1e9)
        return self._started_ns + round(time_s * 1e9)

    def decide(self, time_s: float, gap_s: float, now_ns: int, may_jump: bool) -> Verdict:
        """Decide about a picture.

        Args:
            time_s: Its time.
            gap_s: Time between two pictures.
            now_ns: The present.
            may_jump: Whether the film can go on at `time_due_s`.
        """
        late_s = (now_ns - self.due_ns(time_s, now_ns)) / 1e9
        if late_s > JUMP_AFTER_S and late_s > gap_s and may_jump:
            return Verdict.JUMP
        if late_s > self._slip_after_s:
            self._slip(late_s)
        elif late_s > gap_s and now_ns - self._shown_ns < SHOW_EVERY_S * 1e9:
            return Verdict.SKIP
        self._shown_ns = max(now_ns, self.due_ns(time_s, now_ns))
        return Verdict.SHOW

    def time_due_s(self, now_ns: int) -> float:
        """Return the time of the picture that is due now, where a film that jumps should go on."""
        return 0.0 if self._started_ns is None else (now_ns - self._started_ns) / 1e9

    def _slip(self, late_s: float) -> None:
        if self._started_ns is not None:
            self._started_ns += round(late_s * 1e9)


def period_of(stamps_s: list[float]) -> float | None:
    """Return the median time between pictures with these timestamps, in any order; None if there are fewer than two."""
    ordered = sorted(stamps_s)
    gaps = sorted(later - earlier for earlier, later in pairwise(ordered) if later > earlier)
    return gaps[len(gaps) // 2] if gaps else None
