"""The keys of the window: what each one commands, and how they are listed for somebody who does not know them. Pure."""

from __future__ import annotations

from common.ipc.messages import INSTANCES, FrameComposed
from common.ipc.records import (
    PEOPLE,
    ROOM,
    Command,
    SelectSubject,
    SetFollow,
    SetHide,
    SetPrivacy,
    SetView,
    Style,
)

HINT = "h help   p privacy   n next person   i this text   q quit"
HELP = (
    "h: close this list",
    "p: privacy off and on: while it is off, others see everything",
    "n: show the next person; if a question is asked: yes, this is me",
    "1-9: show that person, counted from the left as you see it",
    "click: show the person you click on",
    "a: show everybody, and only one person again",
    "r: hide the room too, or only other people",
    "f: keep yourself in the middle, and the whole picture again",
    "v: show all that is found: others see everything",
    "i: text in the corner off and on",
    "q: quit",
)
MIRROR_HINT = "You see yourself as in a mirror. Others see you the right way round, and none of this text."
HIDES_LEAST = Style(hide=PEOPLE)  # every other style hides as much or more


def command_of(key: str, seen: FrameComposed | None, *, mirrored: bool) -> Command | None:
    """Return what a key commands, None for nothing.

    Args:
        key: As key_of returns it.
        seen: Of the picture that the viewer sees. None for a card: which picture a command would change cannot be seen, so
            the keys that show more or less only show less.
        mirrored: Whether the viewer sees the picture as in a mirror.
    """
    style, fixed = (seen.style, seen.fixed.split(",")) if seen else (HIDES_LEAST, [])
    is_private, is_view, is_everybody = (
        (seen.privacy, seen.state == INSTANCES, seen.shows_everybody) if seen else (False, True, True)
    )
    commands: dict[str, Command] = {
        "p": SetPrivacy(not is_private),
        "v": SetView(not is_view),
        "n": SelectSubject(SelectSubject.NEXT, from_right=mirrored),
        "a": SelectSubject(SelectSubject.ONE if is_everybody else SelectSubject.EVERYBODY),
        **{str(number): SelectSubject(number, from_right=mirrored) for number in range(1, 10)},
    }
    if "hide" not in fixed:
        commands["r"] = SetHide(ROOM if style.hide == PEOPLE else PEOPLE)
    if "follow" not in fixed:
        commands["f"] = SetFollow(not style.follow)
    return commands.get(key)
