"""Who comes in by the relay's door, and who does not where the doorkeeper fails."""

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


class Door:
    """The relay's end, and a viewer with a key before it."""

    def __init__(self, context: Context) -> None:
        self.context, self.address = context, f"tcp://127.0.0.1:{free_port()}"
        self.relay: Socket = bind_relay(context, self.address, RELAY)
        self.monitor: Socket = self.relay.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | REFUSED)

    def lets_in(self, key: Pair = ANNA) -> bool:
        """What becomes of the handshake."""
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


def test_the_authenticator_says_who_comes_in(context: Context) -> None:
    authenticator = start_authenticator(context, lambda key: key == ANNA.public)
    door = Door(context)
    assert door.lets_in(ANNA)
    assert not door.lets_in(Pair(*zmq.curve_keypair()))
    authenticator.stop()


def test_without_an_authenticator_nobody_comes_in(context: Context) -> None:
    """libzmq's own way is to let everybody in who knows the relay's public key."""
    assert not Door(context).lets_in()


def test_once_the_authenticator_has_ended_nobody_comes_in(context: Context) -> None:
    authenticator = start_authenticator(context, lambda key: True)
    door = Door(context)
    assert door.lets_in()
    authenticator.stop()
    assert not door.lets_in()


@pytest.mark.parametrize("answer", ["yes", 1, None])
def test_only_true_is_yes(answer: Any, context: Context) -> None:
    authenticator = start_authenticator(context, lambda key: answer)
    assert not Door(context).lets_in()
    authenticator.stop()


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), KeyError("key"), MemoryError()])
def test_an_error_of_the_question_says_no_and_the_next_one_is_answered(
    error: Exception, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    """It ended the authenticator's thread, and nobody came in any more."""

    errors = [error]

    def admits(key: bytes) -> bool:
        if errors:
            raise errors[0]
        return True

    authenticator = start_authenticator(context, admits)
    door = Door(context)
    with caplog.at_level(logging.ERROR):
        assert not door.lets_in()
    assert "connection refused: the check of its key failed" in caplog.text
    errors.clear()
    assert door.lets_in()
    authenticator.stop()
