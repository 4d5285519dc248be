"""What the child does: the real loop, with another scene."""

from __future__ import annotations

from functools import partial

from capture import loop, sources
from common.child import Stop
from common.config import CaptureSettings
from tests.faults.patterned import chosen
from tests.faults.scenes import PatternedScene


def run(settings: CaptureSettings, stop: Stop) -> None:
    """Capture until told to stop."""
    vars(sources)["DemoScene"] = partial(PatternedScene, course=chosen.course)
    loop.run(settings, stop)
