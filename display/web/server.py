"""The page's server in a thread of its own."""

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
from display.web.connection_limit import ConnectionLimit
from display.web.latest_frame import LatestFrame

MAX_UNAUTHENTICATED, MAX_AUTHENTICATED = 128, 100  # connections
# Taken from the kernel in one turn of the loop. What asks at once has said who it is three turns after it was taken, so
# the strangers' room must hold more than three of these, or newcomers would push the owner out unheard.
MAX_ACCEPTED_AT_ONCE = 32
BACKLOG = 1024  # kept by the kernel until they are taken; beyond these a caller must try again a second later
REQUEST_TIMEOUT_S = 5.0  # from the connection, or from the last answer, to the end of a request
MAX_HEAD_BYTES = 16 * 1024  # bytes


class ConnectionLimits:
    """Where the connections of one server have their places."""

    def __init__(self) -> None:
        self.unauthenticated = ConnectionLimit[TimeoutProtocol](MAX_UNAUTHENTICATED)
        self.authenticated = ConnectionLimit[TimeoutProtocol](MAX_AUTHENTICATED)


class TimeoutProtocol(H11Protocol):
    """HTTP with a deadline for every request and a place for every connection.

    uvicorn's own limits do not do: beyond `limit_concurrency` it answers 503 and keeps the connection, and one byte ends
    its wait for the next request.

    The application finds this object in its scope, at ["state"]["connection"].
    """

    def __init__(self, limits: ConnectionLimits, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None
        self.app_state = {"connection": self}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        super().connection_made(cast("asyncio.Transport", transport))  # of a TCP server it is one
        self._deadline = self.loop.call_later(REQUEST_TIMEOUT_S, self.abort)
        self._add_to(self._limits.unauthenticated)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._limits.unauthenticated.remove(self)
        self._limits.authenticated.remove(self)
        self._cancel_deadline()  # else it keeps all that was said for as long
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Called where bytes came, and where an answer is complete and the next request may follow."""
        super().handle_events()
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._cancel_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_TIMEOUT_S, self.abort)

    def on_authenticated(self) -> None:
        """It has shown token or cookie."""
        self._limits.unauthenticated.remove(self)
        if not self.transport.is_closing():  # else nobody would free its place
            self._add_to(self._limits.authenticated)

    def abort(self) -> None:
        """End it at once, without waiting for what was not yet taken."""
        self.transport.abort()

    def _add_to(self, limit: ConnectionLimit[TimeoutProtocol]) -> None:
        if (first := limit.add(self)) is not None:
            first.abort()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def listen(host: str, port: int, fallback_to_any_port: bool) -> socket.socket:
    """A listening socket.

    Args:
        host: An address of this machine.
        port: Wanted.
        fallback_to_any_port: Whether another port will do where that one is taken.

    Raises:
        DisplayError: It cannot be bound.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        try:
            listening.bind((host, port))
        except OSError:
            if not fallback_to_any_port:
                raise
            listening.bind((host, 0))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise DisplayError(
            f"--web: expected an address of this machine that is free, got {host}:{port} ({error.strerror}); "
            "choose another port"
        ) from None
    return listening


class _Server(uvicorn.Server):
    """Tells asyncio and the kernel different things: asyncio's one `backlog` is how many wait and how many are taken in
    one turn."""

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
        for name in ("uvicorn", "uvicorn.error", "asyncio"):  # strangers' mistakes are no events of ours
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._server = _Server(uvicorn.Config(app, **config))
        self._latest, self._socket = latest, listening
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; who still watches is cut off."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(2)
        self._socket.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._latest.attach(asyncio.get_running_loop())
        await self._server.serve(sockets=[self._socket])
