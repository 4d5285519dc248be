"""The page's server: what is asked, what is answered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import MessageError
from common.messages import BackgroundSet, PrivacySet, SubjectAsked, SubjectPointed, Wanted
from display.web.guard import COOKIE, Guard
from display.web.latest import Latest

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
WISHES: dict[str, Callable[..., Wanted]] = {
    "privacy": PrivacySet,
    "subject": SubjectAsked,
    "point": lambda x, y: SubjectPointed(float(x), float(y)),
    "background": BackgroundSet,
}


def make_app(latest: Latest, guard: Guard, session: str, wish: Callable[[Wanted], None], run_dir: Path) -> Starlette:
    """The ASGI application.

    Args:
        latest: What is shown.
        guard: Who may ask.
        session: Value of the cookie that the page is given.
        wish: Takes what a viewer wants.
        run_dir: Of the call whose figures are told.
    """

    async def page(request: Request) -> Response:
        if "token" in request.query_params:  # it need not stand in the address bar, nor in the history
            response: Response = RedirectResponse("/", status_code=303)
        else:
            response = FileResponse(PAGE / "index.html")
        response.set_cookie(COOKIE, session, httponly=True, samesite="strict")
        return response

    async def file(request: Request) -> Response:
        return FileResponse(PAGE / request.url.path.removeprefix("/"))

    async def picture(request: Request) -> Response:
        return StreamingResponse(_parts(latest), media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}")

    async def facts(request: Request) -> Response:
        return StreamingResponse(_events(latest), media_type="text/event-stream")

    async def wanted(request: Request) -> Response:
        try:
            wish(parse_wish(await _body(request)))
        except MessageError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return Response(status_code=204)

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
        middleware=[Middleware(Guarded, guard=guard)],
    )


class Guarded:
    """Asks the guard first, and puts the safe headers on every answer."""

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
        refused = self._guard.refuses(request.method, request.headers, request.cookies.get(COOKIE), token)
        if refused:
            answer = Response(f"{refused[1]}\n", status_code=refused[0], media_type="text/plain")
            await answer(scope, receive, send_safe)
        else:
            await self._app(scope, receive, send_safe)


def parse_wish(body: bytes) -> Wanted:
    """`{"NAME": [arguments]}` as a message.

    Raises:
        MessageError: It is none.
    """
    try:
        found: Any = json.loads(body)
        ((name, arguments),) = found.items()
        return WISHES[name](*arguments)
    except MessageError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise MessageError(f"wish: expected one of {', '.join(WISHES)} with its arguments, got {body!r:.80}") from None


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
