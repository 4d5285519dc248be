"""The HTTP application of the page: routes, commands and streams."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import MessageError
from common.ipc.records import (
    Command,
    ResetStyle,
    SelectSubject,
    SelectSubjectAt,
    SetBackground,
    SetBlur,
    SetEdge,
    SetFollow,
    SetHide,
    SetPrivacy,
)
from display.remote_policy import AT_CAMERA_ONLY, remote_refusal
from display.web.latest_frame import LatestFrame
from display.web.request_policy import UPLOAD, RequestPolicy, WebRequest
from display.web.secret import Credentials
from display.web.upload import MAX_UPLOAD_BYTES

PAGE = Path(__file__).with_name("page")
FILES = sorted(path.name for path in PAGE.iterdir() if path.suffix != ".html")
MAX_BODY_BYTES = 1000
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
# what the page may command, by the name that it has there
COMMANDS: dict[str, Callable[..., Command]] = {
    "privacy": SetPrivacy,
    "subject": SelectSubject,
    "point": lambda x, y: SelectSubjectAt(float(x), float(y)),
    "background": SetBackground,
    "hide": SetHide,
    "follow": SetFollow,
    "edge": lambda feather, margin: SetEdge(float(feather), float(margin)),
    "blur": lambda strength: SetBlur(float(strength)),
    "forget": ResetStyle,
}
TO_HIDE = SetPrivacy(True)
Answer = tuple[HTTPStatus, str]  # status, and a line of text


class Actions(Protocol):
    """What the page may have done (display/web/actions.py). Each returns None, or what the page is told instead."""

    def command(self, epoch: int | None, command: Command) -> Answer | None:
        """Take the epoch of the picture that a viewer saw, and that viewer's command."""

    def keep_image(self, jpeg: bytes) -> Answer | None:
        """Keep the user's image for the background. Raises a MessageError, as what is malformed does, where it is none."""

    def record(self, on: bool) -> Answer | None:
        """Begin or end a recording."""

    def cameras(self) -> dict[str, Any] | None:
        """Return what the page says of the virtual cameras, None where it is not told: `cameras`, a text for each, and `choose`, by
        program where one chooses the best of them."""


def make_app(latest: LatestFrame, credentials: Credentials, actions: Actions, run_dir: Path) -> Starlette:
    """Return the ASGI application.

    Args:
        latest: Picture and facts that the page shows.
        credentials: Token and cookie that open the page.
        actions: Does what the page asks for.
        run_dir: Of the call whose metrics are told.
    """

    async def page(request: Request) -> Response:
        if "token" not in request.query_params:
            return FileResponse(PAGE / "index.html")
        # The token must leave the address bar. A redirect would do if the user typed the address. After a link on another
        # site the browser would not send the new cookie to the target of a redirect, so this page opens the real one.
        response = FileResponse(PAGE / "enter.html")
        response.set_cookie(credentials.cookie, credentials.session, httponly=True, samesite="strict")
        return response

    async def file(request: Request) -> Response:
        return FileResponse(PAGE / request.scope["path"].removeprefix("/"))

    async def pictures(request: Request) -> Response:
        return StreamingResponse(_parts(latest), media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}")

    async def newest(request: Request) -> Response:
        try:
            seen, viewer = (int(request.query_params[name]) for name in ("seen", "viewer"))
        except (KeyError, ValueError):
            return line(HTTPStatus.BAD_REQUEST, "expected two whole numbers: seen, of a picture, and viewer")
        number, jpeg, facts = await latest.picture_besides(seen, viewer)
        headers = {"Onlyme-Number": str(number), "Onlyme-Facts": json.dumps(facts)}  # JSON in ASCII, as headers must be
        if not jpeg:
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    async def facts(request: Request) -> Response:
        return StreamingResponse(_events(latest), media_type="text/event-stream")

    async def command(request: Request) -> Response:
        return done(actions.command(*parse_command(await _body(request, MAX_BODY_BYTES))))

    async def background(request: Request) -> Response:
        jpeg = await _body(request, MAX_UPLOAD_BYTES)
        return done(await run_in_threadpool(actions.keep_image, jpeg))  # decoding takes long

    async def recording(request: Request) -> Response:
        asked = await _body(request, MAX_BODY_BYTES)
        if asked not in (b"true", b"false"):
            raise MessageError(f"recording: expected true or false, got {asked!r:.80}")
        return done(actions.record(asked == b"true"))

    async def cameras(request: Request) -> Response:
        found = await run_in_threadpool(actions.cameras)  # it reads files
        return line(HTTPStatus.FORBIDDEN, AT_CAMERA_ONLY) if found is None else JSONResponse(found)

    async def malformed(request: Request, error: Exception) -> Response:
        return line(HTTPStatus.BAD_REQUEST, str(error))

    async def metrics(request: Request) -> Response:
        from display.web.prometheus import text_of  # loads prometheus-client, which most calls never need

        return Response(text_of(run_dir), media_type="text/plain; version=0.0.4")

    return Starlette(
        routes=[
            Route("/", page),
            *(Route(f"/{name}", file) for name in FILES),
            Route("/newest.jpg", newest),
            Route("/picture.mjpg", pictures),
            Route("/facts", facts),
            Route("/metrics", metrics),
            Route("/wish", command, methods=["POST"]),  # scripts know it by this name
            Route(UPLOAD, background, methods=["POST"]),
            Route("/recording", recording, methods=["POST"]),
            Route("/cameras", cameras),
        ],
        middleware=[Middleware(PolicyMiddleware, policy=RequestPolicy(credentials))],
        exception_handlers={MessageError: malformed},
    )


def line(status: HTTPStatus, text: str) -> Response:
    """Return an answer of one line of text."""
    return PlainTextResponse(f"{text}\n", status)


def done(answer: Answer | None) -> Response:
    """Return the answer to an action of the page: nothing, or a line that the page shows."""
    return line(*answer) if answer else Response(status_code=HTTPStatus.NO_CONTENT)


class PolicyMiddleware:
    """Refuses what the policy refuses and closes that connection; adds the security headers to every answer."""

    def __init__(self, app: ASGIApp, policy: RequestPolicy) -> None:
        self._app, self._policy = app, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        request = Request(scope)
        token = request.query_params.get("token")
        refused = self._policy.check(WebRequest(request.method, scope["path"], token, request.cookies, request.headers))
        if refused:
            answer = line(*refused)
            answer.headers["Connection"] = "close"
            if refused[0] == HTTPStatus.UNAUTHORIZED:
                answer.headers["WWW-Authenticate"] = "Bearer"
            await answer(scope, receive, send_safe)
        else:
            scope["state"]["connection"].on_authenticated()
            await self._app(scope, receive, send_safe)


def parse_command(body: bytes) -> tuple[int | None, Command]:
    """Return the epoch and the command in `{"epoch": "DIGITS", "NAME": [arguments]}`.

    The epoch is text because JavaScript's numbers are exact only to 2^53. It may be missing, which gives None: the command
    that hides the room needs no epoch.

    Raises:
        MessageError: The body does not hold exactly one valid command.
    """
    try:
        found: Any = json.loads(body)
        epoch = found.pop("epoch", None)
        if epoch is not None and not re.fullmatch("[0-9]{1,19}", epoch):
            raise ValueError(epoch)
        ((name, arguments),) = found.items()
        return None if epoch is None else int(epoch), COMMANDS[name](*arguments)
    except MessageError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise MessageError(
            f"command: expected one of {', '.join(COMMANDS)} with its arguments, and the epoch as digits, got {body!r:.80}"
        ) from None


def refusal_of(epoch: int | None, command: Command, shown: int, on_call_machine: bool) -> tuple[HTTPStatus, str] | None:
    """Return None if compose may get the command, else status and reason of the refusal.

    Args:
        epoch: Epoch of the picture that the viewer saw, None if the viewer did not say.
        command: What the viewer wants.
        shown: Epoch of the picture that was shown last, 0 before the first.
        on_call_machine: Whether only the machine of the call can open the page.
    """
    if command == TO_HIDE:
        return None
    if not on_call_machine and (refused := remote_refusal(command)):
        return HTTPStatus.FORBIDDEN, refused
    if epoch is None:
        return HTTPStatus.BAD_REQUEST, "command: expected the epoch of the picture that the viewer saw"
    if epoch != shown:
        return HTTPStatus.CONFLICT, "the picture has changed since then: look at it and try again"
    return None


async def _body(request: Request, most: int) -> bytes:
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise MessageError(f"expected at most {most:,} bytes, got more")
    except ClientDisconnect:
        raise MessageError("expected the whole body, got a part of it") from None
    return bytes(body)


async def _parts(latest: LatestFrame) -> AsyncIterator[bytes]:
    # The boundary follows each JPEG at once: it tells a reader that the picture is complete and may be shown.
    boundary = f"--{BOUNDARY}\r\n".encode()
    yield boundary
    async for jpeg in latest.frames():
        yield f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode() + jpeg + b"\r\n" + boundary


async def _events(latest: LatestFrame) -> AsyncIterator[bytes]:
    async for facts in latest.facts():
        yield f"data: {json.dumps(facts)}\n\n".encode()
