"""Runs the page's HTTP server in a thread, with limits that a stranger cannot use up."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from functools import partial
from typing import Any, cast

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from common.errors import DisplayError
from common.runtime.holders import taken_by
from display.web.connection_limit import ConnectionLimit
from display.web.latest_frame import LatestFrame

MAX_UNAUTHENTICATED, MAX_AUTHENTICATED = 128, 100  # connections
# Connections accepted in one turn of the loop. A client that sends its request at once is authenticated within three
# turns. So MAX_UNAUTHENTICATED must be more than three times this, or newcomers would push the owner out before that.
MAX_ACCEPTED_AT_ONCE = 32
BACKLOG = 1024  # connections that wait in the kernel; further clients try again a second later
REQUEST_TIMEOUT_S = 5.0  # from the connection, or the last answer, to the end of a request
MAX_HEAD_BYTES = 16 * 1024
SEND_TIMEOUT_S = 5.0  # a connection is closed if its other end takes nothing for so long

log = logging.getLogger("onlyme")


class ConnectionLimits:
    """The limits of one server: one for connections that showed token or cookie, one for all others."""

    def __init__(self) -> None:
        self.unauthenticated = ConnectionLimit[TimeoutProtocol](MAX_UNAUTHENTICATED)
        self.authenticated = ConnectionLimit[TimeoutProtocol](MAX_AUTHENTICATED)


class TimeoutProtocol(H11Protocol):
    """HTTP with a deadline for every request and a limit on connections.

    uvicorn's own limits are not enough: beyond `limit_concurrency` it answers 503 and keeps the connection, and a single
    byte ends its timeout for the next request.

    The application finds this object in its scope, at ["state"]["connection"].
    """

    def __init__(self, limits: ConnectionLimits, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None
        self.app_state = {"connection": self}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        super().connection_made(cast("asyncio.Transport", transport))  # a TCP server always gets one
        self._deadline = self.loop.call_later(REQUEST_TIMEOUT_S, self.abort)
        self._add_to(self._limits.unauthenticated)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._limits.unauthenticated.remove(self)
        self._limits.authenticated.remove(self)
        self._cancel_deadline()  # the timer would keep this object, and all it received, until then
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """See uvicorn, which calls this when bytes came, and when an answer is complete and the next request may follow."""
        super().handle_events()
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._cancel_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_TIMEOUT_S, self.abort)

    def on_authenticated(self) -> None:
        """Move this connection to the limit of authenticated ones: it has shown token or cookie."""
        self._limits.unauthenticated.remove(self)
        if not self.transport.is_closing():  # a closing one would never be removed
            self._add_to(self._limits.authenticated)

    def abort(self) -> None:
        """Close the connection at once and discard what is not sent yet."""
        self.transport.abort()

    def _add_to(self, limit: ConnectionLimit[TimeoutProtocol]) -> None:
        if (first := limit.add(self)) is not None:
            first.abort()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def listen(host: str, port: int, fallback_to_any_port: bool) -> socket.socket:
    """Open a listening socket.

    Args:
        host: An address of this machine.
        port: The port to bind.
        fallback_to_any_port: Whether to take any free port if that one is taken, and to say so.

    Raises:
        DisplayError: The address cannot be bound.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Every accepted connection inherits these. With Nagle's algorithm the body of an answer would wait up to 40 ms for the
    # other end to acknowledge the head.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Otherwise the kernel would send to a viewer that has left the network without a word for a quarter of an hour, and
    # to one that stands still for ever.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(SEND_TIMEOUT_S * 1000))
    try:
        try:
            listening.bind((host, port))
        except OSError as error:
            if not fallback_to_any_port:
                raise
            listening.bind((host, 0))
            log.warning(
                "--web %s:%d: %s%s; the page gets port %d instead",
                host, port, error.strerror, taken_by(error.errno, port), listening.getsockname()[1],
            )  # fmt: skip
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise DisplayError(
            f"--web: expected an address of this machine that is free, got {host}:{port} ({error.strerror}{taken_by(error.errno, port)}); "
            "choose another port"
        ) from None
    return listening


class _Server(uvicorn.Server):
    """Sets the kernel's backlog apart from asyncio's, which uses one number for waiting and for accepting in one turn."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(BACKLOG)


class Server:
    """Serves an application on a listening socket until closed."""

    def __init__(self, app: Starlette, listening: socket.socket, latest: LatestFrame) -> None:
        config: dict[str, Any] = {
            "http": partial(TimeoutProtocol, ConnectionLimits()), "ws": "none", "lifespan": "off", "log_config": None,
            "access_log": False, "server_header": False, "backlog": MAX_ACCEPTED_AT_ONCE, "timeout_graceful_shutdown": 1,
            "h11_max_incomplete_event_size": MAX_HEAD_BYTES,
        }  # fmt: skip
        for name in ("uvicorn", "uvicorn.error", "asyncio"):  # malformed requests of strangers must not fill the log
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._server = _Server(uvicorn.Config(app, **config))
        self._latest, self._socket = latest, listening
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the server and cut off all viewers."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(2)
        self._socket.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._latest.attach(asyncio.get_running_loop())
        await self._server.serve(sockets=[self._socket])
