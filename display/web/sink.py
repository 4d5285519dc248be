"""The sink that is a page in the browser."""

from __future__ import annotations

import base64
import hmac
import logging
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from common.config import DisplaySettings
from common.figures import figures
from common.messages import FrameComposed, Wanted
from common.remote import is_loopback
from display.captions import write_caption
from display.composites import Picture
from display.meter import Meter
from display.sinks import HeadlessSink, Wish
from display.web.app import make_app
from display.web.guard import Guard
from display.web.latest import Latest
from display.web.server import Server, listen

QUALITY = 80

log = logging.getLogger("onlyme")


class WebSink:
    """Serves the page, and says in the log what the headless sink says.

    Raises:
        DisplayError: The address cannot be bound.
    """

    local = False

    def __init__(self, settings: DisplaySettings, else_any_port: bool) -> None:
        host, _, port = settings.web.rpartition(":")
        host = host.strip("[]")
        listening = listen(host, int(port), else_any_port)
        bound = listening.getsockname()[1]
        near = is_loopback(f"tcp://{settings.web}")
        secret = kept_secret(settings.call_dir)
        token = "" if near else settings.token or derived(secret, "token")[:22]
        session = derived(secret, "session")
        self._latest = Latest()
        self._log_sink = HeadlessSink(settings.status_every)
        self._size_wh = (640, 360)
        self._lock = threading.Lock()
        self._asked: list[Wanted] = []
        self._server = Server(
            make_app(self._latest, Guard(bound, session, token), session, self._want, settings.call_dir),
            listening,
            self._latest,
        )
        where = f"[{host}]" if ":" in host else host
        log.info("open http://%s:%d/%s", where, bound, f"?token={token}" if token else "")
        if token:
            log.warning(
                "WARNING: whoever has this address and token sees the picture and controls the call, unencrypted"
            )

    def show(self, picture: Picture, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        self._size_wh = (message.width, message.height)
        self._latest.put(_jpeg(picture) if self._latest.watching else None, facts_of(message, meter))
        figures.put("viewers", self._latest.watching)
        self._log_sink.show(picture, message, meter)

    def blank(self, why: str) -> None:
        """See Sink."""
        card = np.zeros((self._size_wh[1], self._size_wh[0], 3), np.uint8)
        write_caption(card, [why])
        self._latest.put(_jpeg(card), {"state": "blank", "reason": why})
        self._log_sink.blank(why)

    def poll(self) -> Wish:
        """See Sink."""
        with self._lock:
            asked, self._asked = self._asked, []
        return Wish(asked=tuple(asked))

    def close(self) -> None:
        """See Sink."""
        self._server.close()

    def _want(self, wanted: Wanted) -> None:
        with self._lock:
            self._asked.append(wanted)


def kept_secret(run_dir: Path) -> bytes:
    """This call's secret, which outlives a restart of the display: a page that is open goes on working."""
    path = run_dir / "web.secret"
    with suppress(FileExistsError):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w") as stream:
            stream.write(secrets.token_hex(32))
    return path.read_bytes()


def derived(secret: bytes, purpose: str) -> str:
    """A text of 43 characters that only whoever has the secret can make."""
    digest = hmac.digest(secret, purpose.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _jpeg(picture: Picture) -> bytes:
    encoded: bytes = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    return encoded


def facts_of(message: FrameComposed, meter: Meter) -> dict[str, Any]:
    """What the page says of the present picture."""
    reading = meter.read()
    return {
        "state": message.state,
        "reason": message.reason,
        "privacy": message.privacy,
        "model": message.model,
        "width": message.width,
        "height": message.height,
        "rate": round(reading.rate, 1),
        "latency_ms": round(reading.latency_p50_ms, 1),
        "latency_p99_ms": round(reading.latency_p99_ms, 1),
        "mask_age_ms": None if reading.mask_age_ms is None else round(reading.mask_age_ms),
        "shown": meter.shown,
        "missed": meter.missed,
    }
