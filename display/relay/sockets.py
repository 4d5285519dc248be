"""The remote stream: composites as JPEG over tcp, relay ↔ viewers.

The relay binds a ROUTER, a viewer connects a DEALER. A viewer says ViewerReady with the number of the last picture that
it took; the relay sends it the newest one while fewer than IN_FLIGHT are on their way. So nothing queues for whoever
stops reading, nobody is ever more than that far behind, and nothing is sent where nobody watches.

CURVE is required but where `--curve no` says otherwise, on loopback: the viewer knows the relay's key, the relay knows the
keys of those who may watch. libzmq asks over ZAP (ZeroMQ RFC 27) whether a key may come in; without an answer it may not.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable

import zmq
from zmq.auth import Authenticator
from zmq.auth.thread import ThreadAuthenticator

from common.errors import ConfigError
from common.ipc.messages import MAX_MESSAGE_BYTES
from common.ipc.streams import Context, Socket
from display.relay.keyring import Pair, ViewerKey

IN_FLIGHT = 6  # pictures on their way to one viewer: 200 ms there and back at 30 a second
MAX_WISH_BYTES = 4096
UNANSWERED_MS = 5000  # until TCP gives a connection up
HANDSHAKE_MS = 3000  # for a peer that connects and then says nothing: three round trips of a second
DOMAIN = "relay"  # whose door the authenticator keeps
BACKLOG = 1024  # who waits in the kernel, in turn, while strangers hold all descriptors
USER = "User-Id"  # ZeroMQ RFC 27: what the authenticator says of a message's sender


log = logging.getLogger("onlyme")


def host_of(address: str) -> str:
    """The host of `tcp://HOST:PORT`, without brackets."""
    return address.removeprefix("tcp://").rpartition(":")[0].strip("[]")


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach `tcp://HOST:PORT`. A name other than localhost may be anything: no."""
    host = host_of(address)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Asked:
    """Hands the authenticator's question on. Whatever goes wrong says no, and does not end the authenticator."""

    def __init__(self, admits: Callable[[bytes], bool]) -> None:
        self._admits = admits

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether a public key (Z85) may come in; asked at each handshake, by the authenticator's thread."""
        try:
            return self._admits(key) is True
        except Exception:
            log.exception("nobody comes in: the question whether a key is listed failed")
            return False


class RelayAuthenticator(ThreadAuthenticator):
    """One that can be stopped after its thread has ended, too: nobody would take its last word."""

    def stop(self) -> None:
        """Let nobody in any more."""
        if self.is_alive():
            super().stop()
            return
        if self.pipe:
            self.pipe.close()
        Authenticator.stop(self)


def start_authenticator(context: Context, admits: Callable[[bytes], bool]) -> RelayAuthenticator:
    """Have every CURVE handshake of the relay's socket decided by `admits`, asked for a public key (Z85)."""
    authenticator = RelayAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve_callback(DOMAIN, _Asked(admits))
    return authenticator


def bind_relay(context: Context, address: str, pair: Pair | None) -> Socket:
    """The relay's end; with `pair` only over CURVE.

    Raises:
        ConfigError: The address cannot be bound.
    """
    socket = _socket(context, zmq.ROUTER, address, queue=IN_FLIGHT, largest=MAX_WISH_BYTES)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # a viewer that is gone is an error, not a silent loss
    socket.setsockopt(zmq.BACKLOG, BACKLOG)
    if pair is not None:
        socket.setsockopt_string(zmq.ZAP_DOMAIN, DOMAIN)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # else libzmq lets everybody in where no authenticator answers
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
    """A viewer's end; the relay may start later or restart.

    Raises:
        ConfigError: The address cannot be used.
    """
    socket = _socket(context, zmq.DEALER, address, queue=IN_FLIGHT, largest=MAX_MESSAGE_BYTES)
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
    # not ZeroMQ's heartbeats: with one of them due while a peer's messages wait, libzmq 4.3.5 aborts the process
    # (stream_engine_base.cpp: !_io_error); who is there says so itself, and TCP notices a cable that was pulled
    socket.setsockopt(zmq.TCP_MAXRT, UNANSWERED_MS)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
    if ":" in host_of(address):
        socket.setsockopt(zmq.IPV6, 1)
    return socket
