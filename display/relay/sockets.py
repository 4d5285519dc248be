"""Opens the sockets of the remote stream: composites as JPEG over tcp, between the relay and its viewers.

The relay binds a ROUTER, a viewer connects a DEALER. A viewer sends ViewerReady with the number of the last picture that
it took; the relay sends it the newest one while fewer than IN_FLIGHT are in flight. So nothing queues for a viewer that
stops reading, no viewer is more than IN_FLIGHT pictures behind, and nothing is sent without viewers.

Connections use CURVE, unless `--curve no` is given, which works on loopback only: the viewer knows the relay's key, and
the relay knows the keys of those who may watch. libzmq asks over ZAP (ZeroMQ RFC 27) whether a key is allowed; without
an answer it refuses the connection.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import zmq
from zmq.auth import Authenticator
from zmq.auth.thread import ThreadAuthenticator

from common.errors import ConfigError
from common.ipc.streams import REMOTE, Context, Socket, new_socket
from common.runtime.holders import taken_by
from display.address import split_address
from display.relay.keyring import Pair, ViewerKey

IN_FLIGHT = REMOTE.queue
MAX_COMMAND_BYTES = 4096
UNANSWERED_MS = 5000  # TCP closes a connection whose peer does not answer for so long
HANDSHAKE_MS = 3000  # a peer must finish the handshake in this time: three round trips of a second
DOMAIN = "relay"  # ZAP domain that the authenticator decides about
BACKLOG = 1024  # connections that wait in the kernel while strangers hold all descriptors
USER = "User-Id"  # property of a message that holds the sender's public key (ZeroMQ RFC 27)


log = logging.getLogger("onlyme")


class _KeyCheck:
    """Asks `admits` about keys. An error refuses the key and does not end the authenticator's thread."""

    def __init__(self, admits: Callable[[bytes], bool]) -> None:
        self._admits = admits

    def callback(self, domain: str, key: bytes) -> bool:
        """Return whether a public key (Z85) is allowed. The authenticator's thread calls this for each handshake."""
        try:
            return self._admits(key) is True
        except Exception:
            log.exception("a viewer is refused: the check whether its key is listed failed")
            return False


class RelayAuthenticator(ThreadAuthenticator):
    """An authenticator that can also be stopped after its thread has ended, when nobody would receive the stop message."""

    def stop(self) -> None:
        """Stop the thread; libzmq refuses every connection from then on."""
        if self.is_alive():
            super().stop()
            return
        if self.pipe:
            self.pipe.close()
        Authenticator.stop(self)


def start_authenticator(context: Context, admits: Callable[[bytes], bool]) -> RelayAuthenticator:
    """Start a thread that decides every CURVE handshake of the relay's socket: `admits` gets the public key (Z85)."""
    authenticator = RelayAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve_callback(DOMAIN, _KeyCheck(admits))
    return authenticator


def bind_relay(context: Context, address: str, pair: Pair | None) -> Socket:
    """Bind the relay's socket; with `pair` it accepts CURVE only.

    Raises:
        ConfigError: The address cannot be bound.
    """
    socket = _socket(context, REMOTE.binds, address)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_COMMAND_BYTES)
    socket.setsockopt(zmq.BACKLOG, BACKLOG)
    if pair is not None:
        socket.setsockopt_string(zmq.ZAP_DOMAIN, DOMAIN)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # else libzmq accepts everybody when no authenticator answers
        socket.curve_server = True
        socket.curve_publickey, socket.curve_secretkey = pair
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        holders = taken_by(error.errno, split_address(address)[1])
        raise ConfigError(
            f"--relay: expected an address of this machine that is free, got {address} ({error.strerror}{holders}); "
            "choose another port"
        ) from None
    return socket


def connect_relay(context: Context, address: str, key: ViewerKey | None) -> Socket:
    """Connect a viewer's socket; the relay may start later or restart.

    Raises:
        ConfigError: The address cannot be used.
    """
    socket = _socket(context, REMOTE.connects, address)
    if key is not None:
        socket.curve_publickey, socket.curve_secretkey = key.own
        socket.curve_serverkey = key.relay_public
    try:
        socket.connect(address)
    except zmq.ZMQError as error:
        raise ConfigError(
            f"--connect: expected tcp://HOST:PORT of a relay, got {address} ({error.strerror}); check the name"
        ) from None
    return socket


def _socket(context: Context, kind: int, address: str) -> Socket:
    socket = new_socket(context, REMOTE, kind)
    # ZeroMQ's heartbeats are not used: if one is due while messages of a peer wait, libzmq 4.3.5 aborts the process
    # (stream_engine_base.cpp: !_io_error). Viewers send messages themselves, and TCP notices a broken connection.
    socket.setsockopt(zmq.TCP_MAXRT, UNANSWERED_MS)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
    if ":" in split_address(address)[0]:
        socket.setsockopt(zmq.IPV6, 1)
    return socket
