"""composites → JPEG → viewers on other machines; their commands → control, if they may give commands."""

from __future__ import annotations

import time

from common.runtime.stage_context import StageContext
from display.relay.settings import RelaySettings

IDLE_S = 0.1  # between two checks whether to stop


def run(settings: RelaySettings, stage: StageContext) -> None:
    """Relay until the stage must stop; without an address, only wait until then.

    Raises:
        ConfigError: The address cannot be bound, or no viewer could be allowed there.
        KeyFileError: The relay's own key cannot be used.
        AlreadyRunningError: Another relay serves this run folder.
    """
    if not settings.relay:
        while not stage.should_stop():
            time.sleep(IDLE_S)
        return
    from display.relay.serve import serve  # loads numpy, OpenCV and ZeroMQ, which only a relay at work needs

    serve(settings, stage)
