"""Says in words of somebody who only wants to call what others see now, and why. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from common.ipc.messages import EVERYBODY, INSTANCES, LOST, OFF, FrameComposed
from common.ipc.records import PEOPLE

# what compose gives as a reason (compose/policy.py, compose/who/selection.py) → what the user is told
REASONS = {
    "nobody found": "Nobody can be found in the picture",
    "nobody stays sharp, by setting": "Your settings say that nobody is shown",
    "nobody found; everybody who comes is shown": "Nobody is there. Everybody who comes is shown",
    "you are not in the picture": "You are not in the picture",
    "not sure that this is you": "It is not certain that this is you",
    "no mask yet": "Looking for you",
    "no mask since privacy was turned on": "Looking for you",
    "no frame has come yet": "Waiting for the camera",
    "no frame comes from capture": "The camera gives no picture",
    "turned off by hand": "Others see you, your room and everybody in it",
}
TOO_BUSY = "This computer is too busy to find you in time"


class Words(NamedTuple):
    """What others see, in a few words, and what is hidden or why it is."""

    title: str
    detail: str


def in_words(message: FrameComposed) -> Words:
    """Return what a composite shows, for the person in front of the camera."""
    only_people = message.style.hide == PEOPLE
    if not message.privacy or message.state in (OFF, INSTANCES):
        return Words("Privacy is off", REASONS["turned off by hand"])
    if message.state == LOST:
        return Words("No picture", reason_in_words(message.reason))
    if message.state == EVERYBODY:
        return Words("Everybody is shown", "Nobody is hidden" if only_people else "Only the room is hidden")
    if message.state == "live":
        if only_people:
            return Words("You and your room are shown", "Other people are hidden")
        return Words("Only you are shown", "Your room and other people are hidden")
    return Words("You are hidden", reason_in_words(message.reason))


def reason_in_words(reason: str) -> str:
    """Return a reason of compose or capture as a user would say it; an unknown one as it is, with a capital letter."""
    if re.fullmatch(r"mask older than \d+ ms", reason):
        return TOO_BUSY
    return REASONS.get(reason) or reason[:1].upper() + reason[1:]
