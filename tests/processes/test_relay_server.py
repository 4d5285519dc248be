"""Tests RelayServer in this process, over real sockets."""

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
from display.relay.serve import MAX_MESSAGES_PER_TURN, RelayServer
from display.relay.settings import RelaySettings
from display.relay.sockets import connect_relay
from tests.call import free_port
from tests.processes.neighbours import wait_for


def test_an_ended_authenticator_is_noticed_and_nobody_can_connect(tmp_path: Path, counters: Counters) -> None:
    keys = KeyStore(tmp_path)
    key = read_viewer_key(keys.new("anna", tmp_path))
    address = f"tcp://127.0.0.1:{free_port()}"
    with open_context() as context:
        server = RelayServer(context, RelaySettings(relay=address, keys=tmp_path), counters)
        server.check_viewers()
        viewer = connect_relay(context, address, key)
        viewer.send(encode(ViewerReady(0)))

        def is_ready() -> bool:
            server.receive_commands()
            return bool(server.ready())

        wait_for("the viewer", is_ready)
        assert server._authenticator is not None
        server._authenticator.pipe.send(b"TERMINATE")  # ends its thread, and leaves its socket as a crash would
        server._authenticator.thread.join()
        server._checked_at = time.monotonic() - 10
        with pytest.raises(RuntimeError, match="authenticator has ended"):
            server.check_viewers()
        late = connect_relay(context, address, key)
        late.sndtimeo = 500
        with pytest.raises(zmq.Again):
            late.send(encode(ViewerReady(0)))
        server.close()


def test_endless_messages_of_a_viewer_do_not_block_the_loop(
    tmp_path: Path, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop would send no heartbeat, and its parent would kill it."""
    with open_context() as context:
        address = f"tcp://127.0.0.1:{free_port()}"
        server = RelayServer(context, RelaySettings(relay=address, keys=tmp_path, curve=False), counters)
        endless = iter([[zmq.Frame(b"id"), zmq.Frame(b"more")]] * (MAX_MESSAGES_PER_TURN + 1))
        monkeypatch.setattr(server, "_parts", lambda: next(endless))
        server.receive_commands()
        assert len(list(endless)) == 1
        server.close()
