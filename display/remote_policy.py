"""What a viewer elsewhere may see and may want: through the relay, or on a page that other machines can reach. Pure."""

from __future__ import annotations

from common.ipc.messages import (
    INSTANCES,
    OFF,
    Command,
    FrameComposed,
    SelectSubject,
    SelectSubjectAt,
    SetPrivacy,
    SetView,
)

AT_CAMERA_ONLY = "only the person at the camera can do that"


def may_leave_machine(message: FrameComposed) -> bool:
    """Whether a composite may leave this machine: never where it shows the camera's own picture."""
    return message.privacy and message.state not in (OFF, INSTANCES)


def remote_refusal(command: Command) -> str:
    """Return "" or why nobody elsewhere may have this.

    Viewers elsewhere may hide, and say which person stays sharp. They may not ask for what shows more: privacy off, the
    instance view, everybody, or another background, behind which the room could be seen.
    """
    if isinstance(command, SelectSubject):
        return AT_CAMERA_ONLY if command.number == SelectSubject.EVERYBODY else ""
    hides = command in (SetPrivacy(True), SetView(False))
    return "" if hides or isinstance(command, SelectSubjectAt) else AT_CAMERA_ONLY
