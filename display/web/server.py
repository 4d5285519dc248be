"""The page's server in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import socket as plain
import threading
from functools import partial
from typing import Any, cast

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from common.errors import DisplayError
from display.web.latest_frame import LatestFrame
from display.web.places import Room

STRANGERS, GUESTS = 128, 100  # connections
# Taken from the kernel in one turn of the loop. What asks at once has said who it is three turns after it was taken, so
# the strangers' room must hold more than three of these, or newcomers would push the owner out unheard.
AT_A_TIME = 32
WAITING = 1024  # kept by the kernel until they are taken; beyond these a caller must try again a second later
REQUEST_S = 5.0  # from the connection, or from the last answer, to the end of a request
LARGEST_HEAD = 16 * 1024  # bytes


class Rooms:
    """Where the connections of one server have their places."""

    def __init__(self) -> None:
        self.strangers = Room[PatientProtocol](STRANGERS)
        self.guests = Room[PatientProtocol](GUESTS)


class PatientProtocol(H11Protocol):
    """HTTP with a deadline for every request and a place for every connection.

    uvicorn's own limits do not do: beyond `limit_concurrency` it answers 503 and keeps the connection, and one byte ends
    its wait for the next request.

    The application finds this object in its scope, at ["state"]["connection"].
    """

    def __init__(self, rooms: Rooms, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._rooms = rooms
        self._deadline: asyncio.TimerHandle | None = None
        self.app_state = {"connection": self}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        super().connection_made(cast("asyncio.Transport", transport))  # of a TCP server it is one
        self._deadline = self.loop.call_later(REQUEST_S, self.hang_up)
        self._take_place_in(self._rooms.strangers)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._rooms.strangers.leave(self)
        self._rooms.guests.leave(self)
        self._cancel_deadline()  # else it keeps all that was said for as long
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Called where bytes came, and where an answer is complete and the next request may follow."""
        super().handle_events()
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._cancel_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_S, self.hang_up)

    def welcome(self) -> None:
        """It has shown token or cookie."""
        self._rooms.strangers.leave(self)
        if not self.transport.is_closing():  # else nobody would free its place
            self._take_place_in(self._rooms.guests)

    def hang_up(self) -> None:
        """End it at once, without waiting for what was not yet taken."""
        self.transport.abort()

    def _take_place_in(self, room: Room[PatientProtocol]) -> None:
        if (first := room.come(self)) is not None:
            first.hang_up()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def listen(host: str, port: int, else_any: bool) -> plain.socket:
    """A listening socket.

    Args:
        host: An address of this machine.
        port: Wanted.
        else_any: Whether another port will do where that one is taken.

    Raises:
        DisplayError: It cannot be bound.
    """
    listening = plain.socket(plain.AF_INET6 if ":" in host else plain.AF_INET)
    listening.setsockopt(plain.SOL_SOCKET, plain.SO_REUSEADDR, 1)
    try:
        try:
            listening.bind((host, port))
        except OSError:
            if not else_any:
                raise
            listening.bind((host, 0))
        listening.listen(WAITING)
    except OSError as error:
        listening.close()
        raise DisplayError(
            f"--web: expected an address of this machine that is free, got {host}:{port} ({error.strerror}); "
            "choose another port"
        ) from None
    return listening


class _Listening(uvicorn.Server):
    """Tells asyncio and the kernel different things: asyncio's one `backlog` is how many wait and how many are taken in
    one turn."""

    async def startup(self, sockets: list[plain.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(WAITING)


class Server:
    """Serves an application on a listening socket until closed."""

    def __init__(self, app: Starlette, listening: plain.socket, latest: LatestFrame) -> None:
        config: dict[str, Any] = {
            "http": partial(PatientProtocol, Rooms()), "ws": "none", "lifespan": "off", "log_config": None,
            "access_log": False, "server_header": False, "backlog": AT_A_TIME, "timeout_graceful_shutdown": 1,
            "h11_max_incomplete_event_size": LARGEST_HEAD,
        }  # fmt: skip
        for name in ("uvicorn", "uvicorn.error", "asyncio"):  # strangers' mistakes are no events of ours
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._server = _Listening(uvicorn.Config(app, **config))
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
