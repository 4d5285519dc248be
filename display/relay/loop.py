"""composites → JPEG → viewers elsewhere; their wishes → control, where that is allowed."""

from __future__ import annotations

from common.runtime.child import Stop
from display.relay.settings import RelaySettings


def run(settings: RelaySettings, stop: Stop) -> None:
    """Relay until told to stop; without an address there is nothing to do, and nothing is loaded for it.

    Raises:
        ConfigError: The address cannot be bound, or nobody could be let in there.
        KeyFileError: The relay's own key cannot be used.
        AlreadyRunningError: Another relay serves this run folder.
    """
    if not settings.relay:
        stop.rest()
        return
    from display.relay.serve import serve

    serve(settings, stop)
