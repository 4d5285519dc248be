"""Say in plain words what a summary holds, for somebody who has never seen this program. Pure."""

from __future__ import annotations

import math

from common.redaction.summary import AS_ASKED, Summary

MOST_REASONS = 4  # in one sentence


def time_code(seconds: float) -> str:
    """Return a time of a film as players show it, to a tenth of a second: 02:03.4 or 1:02:03.4."""
    tenths = max(0, math.floor(seconds * 10 + 1e-6))
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{f'{hours}:' if hours else ''}{minutes:02}:{tenths // 10:02}.{tenths % 10}"


def duration(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 60:
        return f"{seconds:.1f} seconds"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def percent(part: float, whole: float) -> str:
    """Return a share. Only nothing is 0 %, and only all is 100 %."""
    share = 100 * part / whole
    if 0 < share < 1:
        return "less than 1 %"
    return f"{min(99, round(share)) if part < whole else 100} %"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 frame, 1,204 frames."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def outcome(summary: Summary) -> str:
    """Say how much is shown, and how much is hidden for which reasons."""
    frames, hidden = summary.frames, summary.frames - summary.shown
    if set(summary.reasons) == {AS_ASKED} and not summary.shown:
        return f"Everybody is hidden in all of the {counted(frames, 'frame')}, as was asked for."
    who = "The person who stays sharp" if "everybody" not in summary.states else "Everybody who is found"
    said = f"{who} is visible in {summary.shown:,} of {counted(frames, 'frame')} ({percent(summary.shown, frames)})."
    if not hidden:
        return f"{said} No frame is hidden completely."
    reasons = [f"{number:,} ({reason})" for reason, number in list(summary.reasons.items())[:MOST_REASONS]]
    rest = hidden - sum(list(summary.reasons.values())[:MOST_REASONS])
    reasons += [f"{rest:,} for other reasons"] if rest else []
    others = f"the other {hidden:,}" if summary.shown else "all of them"
    return f"{said} The picture is hidden completely in {others} ({percent(hidden, frames)}): {', '.join(reasons)}."


def verdict(summary: Summary, shift_s: float = 0.0) -> str:
    """Say whether a person should look at the film, and where.

    Args:
        summary: Of the judgements.
        shift_s: What is added to a time of the recording to have the film's.
    """
    if not summary.needs_look:
        return "No moment was in doubt. The program can still be mistaken, so look at the film before you pass it on."
    moments, first = len(summary.moments), time_code(summary.moments[0].begin_s + shift_s)
    where = f"at one moment, {first}" if moments == 1 else f"at {moments:,} moments, the first at {first}"
    said = f"A person should look at the film {where}."
    if summary.unjudged:
        said += f" {counted(summary.unjudged, 'frame')} could not be judged and {'is' if summary.unjudged == 1 else 'are'} hidden."
    return said
