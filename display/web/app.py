"""The page's server: what is asked, what is answered."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import MessageError
from common.ipc.records import Command, SelectSubject, SelectSubjectAt, SetBackground, SetPrivacy
from display.afar import why_refused
from display.web.guard import Asked, Guard
from display.web.latest import Latest
from display.web.secret import Credentials

PAGE = Path(__file__).with_name("page")
MOST_BYTES = 1000
BOUNDARY = "onlyme"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# what the page may want, by the name it has there
WISHES: dict[str, Callable[..., Command]] = {
    "privacy": SetPrivacy,
    "subject": SelectSubject,
    "point": lambda x, y: SelectSubjectAt(float(x), float(y)),
    "background": SetBackground,
}


Wish = Callable[[int | None, Command], tuple[HTTPStatus, str] | None]
TO_HIDE = SetPrivacy(True)


def make_app(latest: Latest, credentials: Credentials, wish: Wish, run_dir: Path) -> Starlette:
    """Return the ASGI application.

    Args:
        latest: What is shown.
        credentials: What opens the page.
        wish: Takes what a viewer wants, and the epoch of what that viewer saw; returns None, or status and reason of a
            refusal.
        run_dir: Of the call whose metrics are told.
    """

    async def page(request: Request) -> Response:
        if "token" not in request.query_params:
            return FileResponse(PAGE / "index.html")
        # The token must leave the address bar. A redirect would do where the address was typed; behind a link of another
        # site the browser would not bring the new cookie to where it is sent on. So a page of ours opens the page.
        response = FileResponse(PAGE / "enter.html")
        response.set_cookie(credentials.cookie, credentials.session, httponly=True, samesite="strict")
        return response

    async def file(request: Request) -> Response:
        return FileResponse(PAGE / request.scope["path"].removeprefix("/"))

    async def picture(request: Request) -> Response:
        return StreamingResponse(_parts(latest), media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}")

    async def facts(request: Request) -> Response:
        return StreamingResponse(_events(latest), media_type="text/event-stream")

    async def wanted(request: Request) -> Response:
        try:
            refused = wish(*parse_wish(await _body(request)))
        except MessageError as error:
            refused = HTTPStatus.BAD_REQUEST, str(error)
        return line(*refused) if refused else Response(status_code=HTTPStatus.NO_CONTENT)

    async def metrics(request: Request) -> Response:
        from display.web.metrics import text_of  # loaded only where somebody asks

        return Response(text_of(run_dir), media_type="text/plain; version=0.0.4")

    return Starlette(
        routes=[
            Route("/", page),
            *(Route(f"/{name}", file) for name in ("page.js", "page.css", "icon.svg")),
            Route("/picture.mjpg", picture),
            Route("/facts", facts),
            Route("/metrics", metrics),
            Route("/wish", wanted, methods=["POST"]),
        ],
        middleware=[Middleware(Guarded, guard=Guard(credentials))],
    )


def line(status: HTTPStatus, text: str) -> Response:
    """Return an answer of one plain line."""
    return PlainTextResponse(f"{text}\n", status)


class Guarded:
    """Asks the guard first, puts the safe headers on every answer, and hangs up after a refusal."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        request = Request(scope)
        token = request.query_params.get("token")
        refused = self._guard.refuses(Asked(request.method, scope["path"], token, request.cookies, request.headers))
        if refused:
            answer = line(*refused)
            answer.headers["Connection"] = "close"
            if refused[0] == HTTPStatus.UNAUTHORIZED:
                answer.headers["WWW-Authenticate"] = "Bearer"
            await answer(scope, receive, send_safe)
        else:
            scope["state"]["connection"].welcome()
            await self._app(scope, receive, send_safe)


def parse_wish(body: bytes) -> tuple[int | None, Command]:
    """Return the epoch and the wish in `{"epoch": "DIGITS", "NAME": [arguments]}`.

    The epoch is a text because a number of JavaScript is exact to 2^53 only. It may be missing, which is None: a wish to
    hide the room needs none.

    Raises:
        MessageError: It is none.
    """
    try:
        found: Any = json.loads(body)
        epoch = found.pop("epoch", None)
        if epoch is not None and not re.fullmatch("[0-9]{1,19}", epoch):
            raise ValueError(epoch)
        ((name, arguments),) = found.items()
        return None if epoch is None else int(epoch), WISHES[name](*arguments)
    except MessageError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise MessageError(
            f"wish: expected one of {', '.join(WISHES)} with its arguments, and the epoch as digits, got {body!r:.80}"
        ) from None


def why_not(epoch: int | None, wanted: Command, shown: int, near: bool) -> tuple[HTTPStatus, str] | None:
    """Return None, or status and reason why compose is not told.

    Args:
        epoch: Of the picture that the viewer saw, None where the viewer did not say.
        wanted: By that viewer.
        shown: Epoch of the picture that was shown last, 0 before the first.
        near: Whether the page is served to this machine only.
    """
    if wanted == TO_HIDE:
        return None
    if not near and (refused := why_refused(wanted)):
        return HTTPStatus.FORBIDDEN, refused
    if epoch is None:
        return HTTPStatus.BAD_REQUEST, "wish: expected the epoch of the picture that it is for"
    if epoch != shown:
        return HTTPStatus.CONFLICT, "another picture has come meanwhile: look again"
    return None


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                raise MessageError(f"wish: expected at most {MOST_BYTES} bytes, got more")
    except ClientDisconnect:
        raise MessageError("wish: expected all of it, got a part") from None
    return body


async def _parts(latest: Latest) -> AsyncIterator[bytes]:
    async for jpeg in latest.pictures():
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        yield head.encode() + jpeg + b"\r\n"


async def _events(latest: Latest) -> AsyncIterator[bytes]:
    async for facts in latest.facts():
        yield f"data: {json.dumps(facts)}\n\n".encode()
