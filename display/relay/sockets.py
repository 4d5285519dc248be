"""Opens the sockets of the remote stream: composites as JPEG over tcp, between the relay and its viewers.

The relay binds a ROUTER, a viewer connects a DEALER. A viewer sends ViewerReady with the number of the last picture that
it received. The relay sends it the newest picture as long as fewer than IN_FLIGHT pictures are on their way to it. So no
pictures queue up for a viewer that stops reading, no viewer is more than IN_FLIGHT pictures behind, and nothing is sent
while nobody watches.

CURVE is required unless `--curve no` is given, which works on loopback only. The viewer knows the public key of the relay,
and the relay knows the public keys of all viewers that may watch. At each handshake libzmq asks over ZAP (ZeroMQ RFC 27)
whether a key is allowed; without an answer it refuses the connection.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable

import zmq
from zmq.auth import Authenticator
from zmq.auth.thread import ThreadAuthenticator

from common.errors import ConfigError
from common.ipc.codec import MAX_MESSAGE_BYTES
from common.ipc.streams import REMOTE, Context, Socket
from display.relay.keyring import Pair, ViewerKey

IN_FLIGHT = REMOTE.queue
MAX_WISH_BYTES = 4096
UNANSWERED_MS = 5000  # TCP closes a connection whose data is not acknowledged for so long
HANDSHAKE_MS = 3000  # a peer that has not finished its handshake by then is dropped: three round trips of a second
DOMAIN = "relay"  # ZAP domain: tells the authenticator which socket a request is for
BACKLOG = 1024  # connections that wait in the kernel while all descriptors are in use
USER = "User-Id"  # ZeroMQ RFC 27: property of a message that holds the public key of its sender

log = logging.getLogger("onlyme")


def host_of(address: str) -> str:
    """Return the host of `tcp://HOST:PORT`, without brackets."""
    return address.removeprefix("tcp://").rpartition(":")[0].strip("[]")


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach `tcp://HOST:PORT`; False for names other than localhost."""
    host = host_of(address)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _CurveCallback:
    """Passes the authenticator's request on. An exception refuses the key, and does not end the authenticator."""

    def __init__(self, admits: Callable[[bytes], bool]) -> None:
        self._admits = admits

    def callback(self, domain: str, key: bytes) -> bool:
        """Return whether a public key (Z85) is allowed. The authenticator's thread calls this at each handshake."""
        try:
            return self._admits(key) is True
        except Exception:
            log.exception("connection refused: the check of its key failed")
            return False


class RelayAuthenticator(ThreadAuthenticator):
    """An authenticator that can be stopped even after its thread has died: the base class would send it a message first."""

    def stop(self) -> None:
        """Refuse all connections from now on."""
        if self.is_alive():
            super().stop()
            return
        if self.pipe:
            self.pipe.close()
        Authenticator.stop(self)


def start_authenticator(context: Context, admits: Callable[[bytes], bool]) -> RelayAuthenticator:
    """Start the authenticator: `admits` decides for each CURVE handshake whether a public key (Z85) is allowed."""
    authenticator = RelayAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve_callback(DOMAIN, _CurveCallback(admits))
    return authenticator


def bind_relay(context: Context, address: str, pair: Pair | None) -> Socket:
    """Bind the relay's socket. With `pair` it accepts CURVE connections only.

    Raises:
        ConfigError: The address cannot be bound.
    """
    socket = _socket(context, REMOTE.binds, address, queue=IN_FLIGHT, largest=MAX_WISH_BYTES)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # a viewer that is gone is an error, not a silent loss
    socket.setsockopt(zmq.BACKLOG, BACKLOG)
    if pair is not None:
        socket.setsockopt_string(zmq.ZAP_DOMAIN, DOMAIN)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # else libzmq accepts every key when no authenticator answers
        socket.curve_server = True
        socket.curve_publickey, socket.curve_secretkey = pair
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        raise ConfigError(
            f"--relay: expected an address of this machine that is free, got {address} ({error.strerror}); choose another port"
        ) from None
    return socket


def connect_relay(context: Context, address: str, key: ViewerKey | None) -> Socket:
    """Connect a viewer's socket. The relay may start later, and may restart.

    Raises:
        ConfigError: The address cannot be used.
    """
    socket = _socket(context, REMOTE.connects, address, queue=IN_FLIGHT, largest=MAX_MESSAGE_BYTES)
    socket.setsockopt(zmq.IMMEDIATE, 1)
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


def _socket(context: Context, kind: int, address: str, queue: int, largest: int) -> Socket:
    socket = context.socket(kind)
    socket.linger = 0
    socket.sndhwm = socket.rcvhwm = queue
    socket.setsockopt(zmq.MAXMSGSIZE, largest)
    # ZeroMQ's heartbeats are not used: if one is due while a peer's messages wait, libzmq 4.3.5 aborts the process
    # (stream_engine_base.cpp: !_io_error). Viewers send messages of their own, and TCP notices a cable that was pulled
    socket.setsockopt(zmq.TCP_MAXRT, UNANSWERED_MS)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
    if ":" in host_of(address):
        socket.setsockopt(zmq.IPV6, 1)
    return socket
