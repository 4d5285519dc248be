"""The page's server in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import socket as plain
import threading
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from common.errors import DisplayError
from display.web.latest import Latest

MOST_AT_ONCE = 200
FIRST_WORDS_S = 10.0  # for whoever connects and does not ask
LARGEST_HEAD = 16 * 1024  # bytes


class PatientProtocol(H11Protocol):
    """HTTP that hangs up on whoever never finishes asking."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        super().connection_made(transport)
        self._patience = self.loop.call_later(FIRST_WORDS_S, self._hang_up_on_the_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._patience.cancel()  # else it keeps all that was said for as long
        super().connection_lost(exc)

    def _hang_up_on_the_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


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
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise DisplayError(
            f"--web: expected an address of this machine that is free, got {host}:{port} ({error.strerror}); "
            "choose another port"
        ) from None
    return listening


class Server:
    """Serves an application on a listening socket until closed."""

    def __init__(self, app: Starlette, listening: plain.socket, latest: Latest) -> None:
        config: dict[str, Any] = {
            "http": PatientProtocol, "ws": "none", "lifespan": "off", "log_config": None, "access_log": False,
            "server_header": False, "limit_concurrency": MOST_AT_ONCE, "h11_max_incomplete_event_size": LARGEST_HEAD,
            "timeout_keep_alive": 5, "timeout_graceful_shutdown": 1,
        }  # fmt: skip
        for name in ("uvicorn", "uvicorn.error", "asyncio"):  # strangers' mistakes are no events of ours
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._server = uvicorn.Server(uvicorn.Config(app, **config))
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
        self._latest.serve(asyncio.get_running_loop())
        await self._server.serve(sockets=[self._socket])
