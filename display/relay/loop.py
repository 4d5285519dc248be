"""composites → JPEG → viewers on other machines; their commands → control, if they may give commands."""

from __future__ import annotations

import logging
import time

from common.errors import UserError
from common.runtime.stage_context import StageContext
from display.relay.settings import RelaySettings

IDLE_S = 0.1  # between two checks whether to stop
RETRY_S = 5.0  # between two attempts to serve again

log = logging.getLogger("onlyme")


def run(settings: RelaySettings, stage: StageContext) -> None:
    """Relay until the stage must stop; without an address, only wait until then.

    A relay that was restarted in this call and cannot serve any more, because its address or its keys are gone, says so
    and tries again: the call goes on.

    Raises:
        ConfigError: The address cannot be bound, or no viewer could be allowed there.
        KeyFileError: The relay's own key cannot be used.
        AlreadyRunningError: Another relay serves this run folder.
    """
    if not settings.relay:
        _wait(stage)
        return
    from display.relay.serve import serve  # loads numpy, OpenCV and ZeroMQ, which only a relay at work needs

    said = ""
    while not stage.should_stop():
        try:
            serve(settings, stage)
        except UserError as error:
            if not stage.restarts:
                raise
            if str(error) != said:
                said = str(error)
                log.error("%s; the call goes on, and this is tried again", said)
            _wait(stage, RETRY_S)


def _wait(stage: StageContext, seconds: float = float("inf")) -> None:
    """Wait for so long, or until the stage must stop."""
    until = time.monotonic() + seconds
    while not stage.should_stop() and time.monotonic() < until:
        time.sleep(IDLE_S)
