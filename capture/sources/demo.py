"""The demo scene as a source."""

from __future__ import annotations

from capture.demo import DemoScene
from capture.settings import CaptureSettings
from capture.sources.clock import Clock
from capture.sources.source import DEMO, READ_TIMEOUT_S, Source, SourceFrame


class DemoSource:
    """Play the demo scene, for machines without a camera and for tests.

    Args:
        settings: Size and rate of the scene.
        notice: Shown in the picture, such as the reason for the demo.
    """

    name = DEMO

    def __init__(self, settings: CaptureSettings, notice: str = "") -> None:
        self._settings = settings
        self._scene = DemoScene(settings.width, settings.height, settings.fps)
        self._clock = Clock(settings.fps)
        self._index = 0
        self.notice = notice
        self.read_timeout_s = READ_TIMEOUT_S + 1 / settings.fps
        self.description = f"demo scene, {settings.width} x {settings.height} at {settings.fps:g} frames a second"

    def read(self) -> SourceFrame | None:
        """See Source."""
        self._index = max(self._index, self._clock.due())
        self._clock.wait_ahead_of(self._index)
        picture = self._scene.frame(self._index)
        due_ns = self._clock.wait_for(self._index)
        self._index += 1
        return SourceFrame(picture, self._index - 1, due_ns)

    def reopen(self) -> Source:
        """See Source."""
        return DemoSource(self._settings, self.notice)

    def close(self) -> None:
        """Do nothing: a demo needs no device."""
