"""The sink that is a page in the browser."""

from __future__ import annotations

import logging
import threading
import time
from http import HTTPStatus
from typing import Any

import cv2
import numpy as np

from common.ipc.messages import CommandIssued, FrameComposed
from common.ipc.records import Command
from common.metrics.metrics import metrics
from common.vision.arrays import BgrImage
from display.afar import may_see
from display.captions import write_caption
from display.meter import Meter
from display.relay.sockets import is_loopback
from display.settings import DisplaySettings
from display.sinks.factory import HeadlessSink, Wish
from display.web.app import make_app, why_not
from display.web.latest import Latest
from display.web.secret import credentials, kept_secret, owner
from display.web.server import Server, listen

QUALITY = 80
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # served on all addresses → one of them that can be opened
NOT_HERE = "privacy is off: the picture is shown on the machine of the call only"

log = logging.getLogger("onlyme")


class WebSink:
    """Serves the page, and says in the log what the headless sink says.

    Where the page is served to other machines too it shows no picture of the camera's own: a card while privacy is off.

    Raises:
        DisplayError: The address cannot be bound, or the page's secret cannot be kept.
    """

    local = False

    def __init__(self, settings: DisplaySettings, else_any_port: bool) -> None:
        host, _, port = settings.web.rpartition(":")
        host = host.strip("[]")
        listening = listen(host, int(port), else_any_port)
        bound = listening.getsockname()[1]
        opens = credentials(kept_secret(settings.call_dir / f"web-{bound}.secret", owner()), bound, settings.token)
        is_private = is_loopback(f"tcp://{settings.web}")
        self._near = is_private and not settings.connect  # the user who watches a relay is elsewhere, too
        self._latest = Latest()
        self._log_sink = HeadlessSink(settings.status_every)
        self._size_wh = (640, 360)
        self._lock = threading.Lock()
        self._epoch = 0
        self._wishes: list[CommandIssued] = []
        self._server = Server(make_app(self._latest, opens, self._wish, settings.call_dir), listening, self._latest)
        if not is_private:
            log.warning(
                "WARNING: whoever has this address and token sees the picture and controls the call, unencrypted"
            )
        host = EVERYWHERE.get(host, host)
        log.info("open http://%s:%d/?token=%s", f"[{host}]" if ":" in host else host, bound, opens.token)

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        self._size_wh = (message.frame.width, message.frame.height)
        self._epoch = message.frame.epoch
        jpeg = None
        if self._latest.watching:
            jpeg = _jpeg(picture if self._near or may_see(message) else self._card(NOT_HERE))
        self._latest.put(jpeg, facts_of(message, meter, self._near))
        metrics.set("viewers", self._latest.watching)
        self._log_sink.show(picture, message, meter)

    def blank(self, why: str) -> None:
        """See Sink."""
        self._latest.put(_jpeg(self._card(why)), {"state": "blank", "reason": why})
        self._log_sink.blank(why)

    def poll(self) -> Wish:
        """See Sink."""
        with self._lock:
            made, self._wishes = self._wishes, []
        return Wish(made=tuple(made))

    def close(self) -> None:
        """See Sink."""
        self._server.close()

    def _card(self, why: str) -> BgrImage:
        card = np.zeros((self._size_wh[1], self._size_wh[0], 3), np.uint8)
        write_caption(card, [why])
        return card

    def _wish(self, epoch: int | None, wanted: Command) -> tuple[HTTPStatus, str] | None:
        """Keep a wish for `poll`; returns None, or status and reason of a refusal."""
        refused = why_not(epoch, wanted, self._epoch, self._near)
        if refused is None:
            with self._lock:
                self._wishes.append(CommandIssued(epoch or 0, time.monotonic_ns(), wanted))
        return refused


def _jpeg(picture: BgrImage) -> bytes:
    encoded: bytes = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    return encoded


def facts_of(message: FrameComposed, meter: Meter, near: bool) -> dict[str, Any]:
    """Return what the page says of the present picture.

    `epoch` is a text because a number of JavaScript is exact to 2^53 only; `may_show_more` is whether this page may
    ask for more than to hide and to choose the subject.
    """
    reading = meter.read()
    return {
        "epoch": str(message.frame.epoch),
        "state": message.state,
        "question": message.question,
        "everybody": message.shows_everybody,
        "may_show_more": near,
        "reason": message.reason,
        "privacy": message.privacy,
        "model": message.model,
        "width": message.frame.width,
        "height": message.frame.height,
        "rate": round(reading.rate, 1),
        "latency_ms": round(reading.latency_p50_ms, 1),
        "latency_p99_ms": round(reading.latency_p99_ms, 1),
        "mask_age_ms": None if reading.mask_age_ms is None else round(reading.mask_age_ms),
        "shown": meter.shown,
        "missed": meter.missed,
    }
