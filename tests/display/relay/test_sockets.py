"""Tests which viewers can connect to the relay's socket, also when the authenticator fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import zmq

from common.ipc.streams import Context, Socket, open_context
from display.relay.keyring import Pair, ViewerKey
from display.relay.sockets import bind_relay, connect_relay, start_authenticator
from tests.call import free_port
from tests.processes.neighbours import wait_for

RELAY, ANNA = Pair(*zmq.curve_keypair()), Pair(*zmq.curve_keypair())
REFUSED = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL


class RelaySocket:
    """Binds the relay's socket and lets viewers try to connect."""

    def __init__(self, context: Context) -> None:
        self.context, self.address = context, f"tcp://127.0.0.1:{free_port()}"
        self.relay: Socket = bind_relay(context, self.address, RELAY)
        self.monitor: Socket = self.relay.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | REFUSED)

    def accepts(self, key: Pair = ANNA) -> bool:
        """Return whether the handshake with this key succeeds."""
        viewer = connect_relay(self.context, self.address, ViewerKey(key, RELAY.public))
        wait_for("the handshake's end", lambda: self.monitor.poll(100))
        event = int.from_bytes(self.monitor.recv_multipart()[0][:2], "little")
        viewer.close()
        while self.monitor.poll(50):  # a viewer that is refused tries again
            self.monitor.recv_multipart()
        return event == zmq.EVENT_HANDSHAKE_SUCCEEDED


@pytest.fixture
def context() -> Iterator[Context]:
    with open_context() as made:
        yield made


def test_the_authenticator_decides_who_connects(context: Context) -> None:
    authenticator = start_authenticator(context, lambda key: key == ANNA.public)
    relay = RelaySocket(context)
    assert relay.accepts(ANNA)
    assert not relay.accepts(Pair(*zmq.curve_keypair()))
    authenticator.stop()


def test_without_an_authenticator_nobody_connects(context: Context) -> None:
    """By default libzmq accepts everybody who knows the relay's public key."""
    assert not RelaySocket(context).accepts()


def test_after_the_authenticator_has_ended_nobody_connects(context: Context) -> None:
    authenticator = start_authenticator(context, lambda key: True)
    relay = RelaySocket(context)
    assert relay.accepts()
    authenticator.stop()
    assert not relay.accepts()


@pytest.mark.parametrize("answer", ["yes", 1, None])
def test_only_true_admits_a_key(answer: Any, context: Context) -> None:
    authenticator = start_authenticator(context, lambda key: answer)
    assert not RelaySocket(context).accepts()
    authenticator.stop()


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), KeyError("key"), MemoryError()])
def test_an_error_of_the_check_refuses_the_key_and_the_next_check_works(
    error: Exception, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    """An error ended the authenticator's thread, and no viewer could connect any more."""

    errors = [error]

    def admits(key: bytes) -> bool:
        if errors:
            raise errors[0]
        return True

    authenticator = start_authenticator(context, admits)
    relay = RelaySocket(context)
    with caplog.at_level(logging.ERROR):
        assert not relay.accepts()
    assert "a viewer is refused" in caplog.text
    errors.clear()
    assert relay.accepts()
    authenticator.stop()
