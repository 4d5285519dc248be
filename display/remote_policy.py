"""Decides what viewers on other machines may see and command, through the relay or on the page. Pure."""

from __future__ import annotations

from common.ipc.messages import INSTANCES, OFF, FrameComposed
from common.ipc.records import Command, SelectSubject, SelectSubjectAt, SetPrivacy, SetView

AT_CAMERA_ONLY = "only the person at the camera can do that"


def may_leave_machine(message: FrameComposed) -> bool:
    """Return whether a composite may leave this machine: never one that shows the camera's own picture."""
    return message.privacy and message.state not in (OFF, INSTANCES)


def remote_refusal(command: Command) -> str:
    """Return "" if a viewer on another machine may give this command, else why not.

    Such a viewer may turn privacy on and choose the person that stays sharp. Commands that show more are refused: privacy
    off, the instance view, everybody, or another background, which might show the room.
    """
    if isinstance(command, SelectSubject):
        return AT_CAMERA_ONLY if command.number == SelectSubject.EVERYBODY else ""
    hides = command in (SetPrivacy(True), SetView(False))
    return "" if hides or isinstance(command, SelectSubjectAt) else AT_CAMERA_ONLY
