"""The sink that serves a page for the browser."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np

from common.ipc.messages import FrameComposed
from common.metrics.metrics import metrics
from common.vision.arrays import BgrImage
from display.address import is_loopback, split_address
from display.captions import write_caption
from display.meter import Meter
from display.mirror import is_mirrored
from display.plain_words import in_words
from display.reachable import host_from_elsewhere, host_from_here, in_url
from display.remote_policy import may_leave_machine
from display.settings import DisplaySettings
from display.sinks.headless import HeadlessSink
from display.sinks.sink import SinkEvents
from display.web.actions import PageActions
from display.web.app import make_app
from display.web.latest_frame import LatestFrame
from display.web.opening import open_once
from display.web.secret import credentials, load_or_create_secret, owner
from display.web.server import Server, listen

QUALITY = 80
NOT_HERE = "privacy is off: the picture is shown on the machine of the call only"

log = logging.getLogger("onlyme")


class WebSink:
    """Serves the page, and logs what the headless sink logs.

    A page that other machines can reach never shows the camera's own picture: it shows a card while privacy is off.

    Raises:
        DisplayError: The address cannot be bound, or the page's secret cannot be written.
    """

    local = False

    def __init__(self, settings: DisplaySettings, fallback_to_any_port: bool) -> None:
        host, port = split_address(settings.web)
        listening = listen(host, port, fallback_to_any_port)
        bound = listening.getsockname()[1]
        opens = credentials(
            load_or_create_secret(settings.call_dir / f"web-{bound}.secret", owner()), bound, settings.token
        )
        is_private = is_loopback(settings.web)
        self._on_call_machine = is_private and not settings.connect  # with --connect the call runs elsewhere
        self._latest = LatestFrame()
        self._log_sink = HeadlessSink(settings.status_every)
        self._size_wh = (640, 360)
        self._actions = PageActions(settings, on_call_machine=self._on_call_machine)
        self._server = Server(make_app(self._latest, opens, self._actions, settings.call_dir), listening, self._latest)
        if not is_private:
            log.warning(
                "WARNING: anybody with this address and token can see the picture and control the call; nothing is encrypted"
            )
        here, elsewhere = host_from_here(host), host_from_elsewhere(host)
        url = f"http://{in_url(here)}:{bound}/?token={opens.token}"
        log.info("open %s", url)
        if settings.open_page:
            open_once(url, settings.call_dir)
        if elsewhere != here:
            log.info("on another machine open http://%s:%d/?token=%s", in_url(elsewhere), bound, opens.token)

    @property
    def is_watched(self) -> bool:
        """See Sink. A hidden tab takes no picture; a recording goes on when the page is closed."""
        return self._latest.watching > 0 or self._actions.recorder.is_on

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        self._size_wh = (message.frame.width, message.frame.height)
        self._actions.epoch = message.frame.epoch
        jpeg = None
        if self._latest.watching:
            jpeg = _jpeg(picture if self._on_call_machine or may_leave_machine(message) else self._card(NOT_HERE))
        self._latest.publish(jpeg, {**facts_of(message, meter, self._on_call_machine), **self._actions.facts})
        metrics.set("viewers", self._latest.watching)
        self._actions.recorder.show(picture, message, meter)
        self._log_sink.show(picture, message, meter)

    def blank(self, why: str) -> None:
        """See Sink."""
        self._latest.publish(_jpeg(self._card(why)), {"state": "blank", "reason": why, **self._actions.facts})
        self._actions.recorder.blank(why)
        self._log_sink.blank(why)

    def poll(self) -> SinkEvents:
        """See Sink."""
        return SinkEvents(issued=self._actions.take_issued())

    def close(self) -> None:
        """See Sink."""
        self._server.close()
        self._actions.recorder.close()

    def _card(self, why: str) -> BgrImage:
        card = np.zeros((self._size_wh[1], self._size_wh[0], 3), np.uint8)
        write_caption(card, [why])
        return card


def _jpeg(picture: BgrImage) -> bytes:
    encoded: bytes = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    return encoded


def facts_of(message: FrameComposed, meter: Meter, on_call_machine: bool) -> dict[str, Any]:
    """Return the facts that the page shows about a picture.

    `epoch` is text because JavaScript's numbers are exact only to 2^53. `may_show_more` is whether this page may also give
    commands that show more (see remote_policy.py). `mirrored` is whether the page shows the picture as in a mirror.
    """
    reading, words = meter.read(), in_words(message)
    return {
        "epoch": str(message.frame.epoch),
        "state": message.state,
        "question": message.question,
        "everybody": message.shows_everybody,
        "may_show_more": on_call_machine,
        "reason": message.reason,
        "title": words.title,
        "detail": words.detail,
        "notice": message.notice,
        "mirrored": on_call_machine and is_mirrored(message),
        "style": asdict(message.style),
        "fixed": [name for name in message.fixed.split(",") if name],
        "subject_xyxy": message.subject_xyxy,
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
