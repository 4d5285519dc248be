"""What the child does: the real loop, with another scene."""

from __future__ import annotations

from capture import loop
from capture.settings import CaptureSettings
from capture.sources import demo
from common.runtime.stage_context import StageContext
from tests.faults.scenes import PatternedScene


def run(settings: CaptureSettings, stage: StageContext) -> None:
    """Capture until told to stop."""
    vars(demo)["DemoScene"] = PatternedScene
    loop.run(settings, stage)
