"""Says which composites the person in front of the camera sees as in a mirror. Pure."""

from __future__ import annotations

from common.ipc.messages import INSTANCES, LOST, FrameComposed


def is_mirrored(message: FrameComposed) -> bool:
    """Return whether a composite is shown as in a mirror: one with text in it is not, the text would be backwards.

    Cards, the instance view and pictures with a notice hold text. What is sent to others is never mirrored.
    """
    return not (message.notice or message.state in (LOST, INSTANCES))
