"""What a viewer elsewhere may see and may want: through the relay, or on a page that other machines can reach. Pure."""

from __future__ import annotations

from common.ipc.messages import INSTANCES, OFF, FrameComposed
from common.ipc.records import Command, SelectSubject, SelectSubjectAt, SetPrivacy, SetView

HERE_ONLY = "only the user at the camera may ask for that"


def may_see(message: FrameComposed) -> bool:
    """Whether a composite may leave this machine: never where it shows the camera's own picture."""
    return message.privacy and message.state not in (OFF, INSTANCES)


def why_refused(wanted: Command) -> str:
    """Return "" or why nobody elsewhere may have this.

    Viewers elsewhere may hide, and say which person stays sharp. They may not ask for what shows more: privacy off, the
    instance view, everybody, or another background, behind which the room could be seen.
    """
    if isinstance(wanted, SelectSubject):
        return HERE_ONLY if wanted.number == SelectSubject.EVERYBODY else ""
    hides = wanted in (SetPrivacy(True), SetView(False))
    return "" if hides or isinstance(wanted, SelectSubjectAt) else HERE_ONLY
