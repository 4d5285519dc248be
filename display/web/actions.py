"""What the page may have done: commands for compose, settings for the next call, the user's image, a recording.

Everything but a command that only hides or chooses the subject is done for the machine of the call alone (remote_policy.py).
"""

from __future__ import annotations

import logging
import threading
import time
from http import HTTPStatus
from typing import Any

from common.errors import ConfigError
from common.ipc.messages import CommandIssued
from common.ipc.records import Command, ResetStyle, SetBackground, SetBlur, SetEdge, SetFollow, SetHide
from common.runtime.user_folder import background_image
from common.settings.saved import Value, forget, save, saved_file
from display.remote_policy import AT_CAMERA_ONLY
from display.settings import DisplaySettings
from display.virtual_cameras import PIPEWIRE, VirtualCamera, to_choose, virtual_cameras, where_to_choose
from display.web.app import Answer, refusal_of
from display.web.recorder import Recorder
from display.web.upload import keep_image

log = logging.getLogger("onlyme")


class PageActions:
    """Does what the page asks for. The server's thread calls it; the display's thread takes the commands and records.

    Args:
        settings: Of the display.
        on_call_machine: Whether only the machine of the call can open the page.

    Attributes:
        epoch: Of the picture that was shown last, 0 before the first.
        recorder: Records the call.
    """

    def __init__(self, settings: DisplaySettings, *, on_call_machine: bool) -> None:
        self._on_call_machine, self._run_dir = on_call_machine, settings.call_dir
        self._lock = threading.Lock()
        self._issued: list[CommandIssued] = []
        self.epoch = 0
        self.recorder = Recorder(settings)
        self._has_image = background_image().is_file()

    def take_issued(self) -> tuple[CommandIssued, ...]:
        """Return the commands that the page gave since the last call."""
        with self._lock:
            issued, self._issued = self._issued, []
        return tuple(issued)

    @property
    def facts(self) -> dict[str, Any]:
        """What the page of this machine says besides the facts of a picture; nothing for the page of another."""
        return {"recording": self.recorder.facts, "has_image": self._has_image} if self._on_call_machine else {}

    def command(self, epoch: int | None, command: Command) -> Answer | None:
        """Keep a command for compose, and save what it sets for the next call, or forget what was saved. Return None, or what the
        page is told."""
        if refused := refusal_of(epoch, command, self.epoch, self._on_call_machine):
            return refused
        if isinstance(command, ResetStyle):
            try:
                forget(saved_file())
            except ConfigError as error:
                return HTTPStatus.INTERNAL_SERVER_ERROR, f"what is saved is still there: {error}"
        with self._lock:
            self._issued.append(CommandIssued(epoch or 0, time.monotonic_ns(), command))
        if values := saved_by(command):
            try:
                save(saved_file(), values)
            except ConfigError as error:
                log.warning("not saved for the next call: %s", error)
                return HTTPStatus.OK, f"used now, but not saved for the next call: {error}"
        return None

    def keep_image(self, jpeg: bytes) -> Answer | None:
        """Keep the user's image for the background. Return None, or status and reason of a refusal.

        Raises:
            MessageError: It is no image that is taken, or cannot be kept.
        """
        if not self._on_call_machine:
            return HTTPStatus.FORBIDDEN, AT_CAMERA_ONLY
        keep_image(jpeg, background_image())
        self._has_image = True
        return None

    def record(self, on: bool) -> Answer | None:
        """Begin or end a recording. Return None, or status and reason of a refusal."""
        if not self._on_call_machine:
            return HTTPStatus.FORBIDDEN, AT_CAMERA_ONLY
        self.recorder.want(on)
        return None

    def cameras(self) -> dict[str, Any] | None:
        """Return what the page says of the virtual cameras, None where it is not told."""
        if not self._on_call_machine:
            return None
        found = virtual_cameras(self._run_dir)
        camera = to_choose(found)
        return {
            "cameras": [f"{camera.name} ({_place(camera)})" for camera in found],
            "choose": where_to_choose(camera.kind, camera.name) if camera else {},
        }


def _place(camera: VirtualCamera) -> str:
    return "PipeWire" if camera.kind == PIPEWIRE else camera.device


def saved_by(command: Command) -> dict[str, Value]:
    """Return the settings of the next call that a command sets, {} for one that counts for this call only."""
    match command:
        case SetHide():
            return {"hide": command.hide}
        case SetFollow():
            return {"follow": command.follow}
        case SetEdge():
            return {"feather": command.feather, "margin": command.margin}
        case SetBlur():
            return {"blur": command.strength}
        case SetBackground() if command.background:
            return {"background": command.background}
    return {}
