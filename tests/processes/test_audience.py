"""The relay's audience, in this process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import zmq

from common.ipc.codec import encode
from common.ipc.messages import ViewerReady
from common.ipc.streams import open_context
from common.metrics.counters import Counters
from display.relay.keyring import KeyStore, read_viewer_key
from display.relay.serve import MOST_HEARD, Audience
from display.relay.settings import RelaySettings
from display.relay.sockets import connect_relay
from tests.call import free_port
from tests.processes.neighbours import wait_for


def test_an_authenticator_that_has_ended_is_noticed_and_nobody_new_comes_in(tmp_path: Path, counters: Counters) -> None:
    keys = KeyStore(tmp_path)
    key = read_viewer_key(keys.new("anna"))
    address = f"tcp://127.0.0.1:{free_port()}"
    with open_context() as context:
        audience = Audience(context, RelaySettings(relay=address, keys=tmp_path), counters)
        audience.look()
        viewer = connect_relay(context, address, key)
        viewer.send(encode(ViewerReady(0)))

        def is_ready() -> bool:
            audience.heard()
            return bool(audience.ready())

        wait_for("the viewer", is_ready)
        assert audience._authenticator is not None
        audience._authenticator.pipe.send(b"TERMINATE")  # ends its thread, and leaves its socket as a crash would
        audience._authenticator.thread.join()
        audience._looked_at = time.monotonic() - 10
        with pytest.raises(RuntimeError, match="authenticator has ended"):
            audience.look()
        late = connect_relay(context, address, key)
        late.sndtimeo = 500
        with pytest.raises(zmq.Again):
            late.send(encode(ViewerReady(0)))
        audience.close()


def test_a_viewer_who_never_stops_talking_does_not_hold_the_loop(
    tmp_path: Path, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop's heartbeat would stand still, and its parent would kill it."""
    with open_context() as context:
        address = f"tcp://127.0.0.1:{free_port()}"
        audience = Audience(context, RelaySettings(relay=address, keys=tmp_path, curve=False), counters)
        endless = iter([[zmq.Frame(b"id"), zmq.Frame(b"more")]] * (MOST_HEARD + 1))
        monkeypatch.setattr(audience, "_parts", lambda: next(endless))
        audience.heard()
        assert len(list(endless)) == 1
        audience.close()
