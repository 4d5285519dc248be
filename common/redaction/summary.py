"""Sum up what was judged: how much is shown, how much is hidden and why, and where a person should look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from common.redaction.judgements import Judgement
from common.redaction.spans import Span, SpanJoiner

AS_ASKED = "nobody stays sharp, by setting"  # the reason where everybody is hidden because that was asked for
# reasons of compose that say what is in the picture, or what was asked for: nobody has to look there. Any other reason, also one
# that is not known here, says that nobody could judge the frame
SETTLED = frozenset(
    {
        AS_ASKED,
        "nobody is found",
        "the person who stays sharp is not found",
        "the person who stays sharp is not found before and after it",
        "before the moment at which a person is chosen",
    }
)


@dataclass(frozen=True)
class Summary:
    """What became of a recording.

    Attributes:
        frames: How many there are.
        begin_s, end_s: When the first one begins, and when the last one ends.
        states: State → frames.
        reasons: Reason → frames that are hidden for it, the most frequent one first.
        unjudged: How many of them are hidden because nobody could judge them.
        hidden: Parts that are hidden for a reason that is settled; `why` is the reason.
        moments: Where a person should look: doubts (`why` says what to check), and other parts that nobody could judge (`why` is
            the reason).
    """

    frames: int
    begin_s: float
    end_s: float
    states: Mapping[str, int]
    reasons: Mapping[str, int]
    unjudged: int
    hidden: tuple[Span, ...]
    moments: tuple[Span, ...]

    @property
    def shown(self) -> int:
        """How many frames show somebody."""
        return self.frames - sum(self.reasons.values())

    @property
    def needs_look(self) -> bool:
        """Whether a person should look: something is in doubt, or hidden because nobody could judge it."""
        return bool(self.moments)


def is_unjudged(judgement: Judgement) -> bool:
    """Return whether a frame is hidden because nobody could judge it."""
    return not judgement.is_shown and judgement.reason not in SETTLED


class Tally:
    """Sums up one judgement after the other."""

    def __init__(self) -> None:
        self._states: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._unjudged = 0
        self._hidden, self._moments = SpanJoiner(), SpanJoiner()
        self._begin_s: float | None = None
        self._end_s = 0.0

    def add(self, judgement: Judgement) -> None:
        """Count the next frame."""
        self._begin_s = judgement.time_s if self._begin_s is None else self._begin_s
        self._end_s = judgement.end_s
        self._states[judgement.state] += 1
        span = Span(judgement.time_s, judgement.end_s, judgement.reason, 1)
        if not judgement.is_shown:
            self._reasons[judgement.reason] += 1
            self._unjudged += is_unjudged(judgement)
        if judgement.doubt:
            self._moments.add(span._replace(why=judgement.doubt))
        elif is_unjudged(judgement):
            self._moments.add(span)
        if not judgement.is_shown and not is_unjudged(judgement):
            self._hidden.add(span)

    @property
    def summary(self) -> Summary:
        """What was counted so far."""
        return Summary(
            frames=self._states.total(),
            begin_s=self._begin_s or 0.0,
            end_s=self._end_s,
            states=dict(self._states),
            reasons=dict(self._reasons.most_common()),
            unjudged=self._unjudged,
            hidden=tuple(self._hidden.spans),
            moments=tuple(self._moments.spans),
        )
