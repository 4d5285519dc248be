"""What each sink puts out, taken where others would take it, and judged by the leak oracle.

What leaves a sink does not say which composite it was, and its compression has changed the pixels. So every picture is
matched with the composite of the same call that looks most like it, small and in grey, and judged by what that one says
of itself: hidden, or live with masks of an age. What looks like none must be a card of the display, which is known to
the pixel, or one of the composites of which the watch knows the message alone, because compose overwrote the pixels before
it read them; anything else is judged as the picture of the nearest composite's frame that shows nobody.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from common.ipc.streams import open_context
from common.metrics.counters import Counters
from compose.picture.renderer import draw_card
from display.captions import write_caption
from display.composite_reader import CompositeReader
from display.relay.keyring import ViewerKey
from tests.background import Background
from tests.faults.detail import grey_of
from tests.faults.oracle import BOUND, LeakOracle
from tests.faults.watch import Heard, Seen, sketch_of
from tests.processes.relayed import ViewerPlayed

Picture = NDArray[np.uint8]
ALIKE = 3.0  # grey levels, on average, between two sketches of the same picture
CARD_ALIKE = 90  # grey levels, in the worst pixel: compression frays the letters
CARDS = (CompositeReader.gone_text, CompositeReader.silent_text, "onlyme is starting", "onlyme has ended")


def decoded(jpeg: bytes) -> Picture:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


class Judge:
    """Knows the composites of a call, and what of them may be seen.

    Args:
        oracle: Knows the scene.
        heard: Every composite that was heard of.
        seen: Those of them that were judged.
    """

    def __init__(self, oracle: LeakOracle, heard: Iterable[Heard], seen: Iterable[Seen]) -> None:
        self._oracle, self._seen = oracle, list(seen)
        judged = {_place(s) for s in self._seen}
        self._lapped = [h.message for h in heard if _place(h) not in judged and h.message.state != "lost"]
        self._sketches = np.stack([s.sketch for s in self._seen]).astype(np.int16)
        lost = {s.message.reason for s in self._seen if s.message.state == "lost"}
        size_hw = (*reversed(oracle.size_wh), 3)
        self._cards = [np.zeros(size_hw, np.uint8) for _ in (*CARDS, *lost)]
        for text, card in zip(CARDS, self._cards, strict=False):
            write_caption(card, [text])
        for text, card in zip(lost, self._cards[len(CARDS) :], strict=True):
            draw_card(text, card)
        self.matched = 0

    def leak(self, picture: Picture) -> float:
        """How many times the bound is kept where there must be nothing; see LeakOracle.leak."""
        apart = np.abs(self._sketches - sketch_of(grey_of(picture))).mean(axis=(1, 2))
        nearest = int(apart.argmin())
        if any(cv2.absdiff(picture, card).max() <= CARD_ALIKE for card in self._cards):
            return 0.0
        message = self._seen[nearest].message
        is_one = bool(apart[nearest] <= ALIKE and message.state != "lost")
        self.matched += is_one
        leak = self._oracle.leak(picture, message if is_one else replace(message, state="hidden"))
        if leak > BOUND and not is_one:
            leak = min([leak, *(self._oracle.leak(picture, message) for message in self._lapped)])
        if leak > BOUND:
            print(
                f"{leak:.2f} of the bound, {apart[nearest]:.1f} grey levels from a composite that is {message.state}: {message}"
            )
        return leak


def _place(composite: Heard) -> tuple[str, int]:
    frame = composite.message.frame
    return frame.segment, frame.sequence


TOKEN = "a-token-of-the-tests_"  # --token of a call whose page is watched


class PageWatched(Background):
    """Everybody who opens the page's picture with the token TOKEN."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self.got: list[bytes] = []

    def run(self) -> None:
        """See Background."""
        page = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        page.request("GET", f"/picture.mjpg?token={TOKEN}")
        stream = page.getresponse()
        assert stream.status == 200, stream.read()
        while not self.stopping.is_set():
            size = 0
            while (line := stream.readline().strip()) or not size:
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
            self.got.append(stream.read(size))
        page.close()


class RelayWatched(Background):
    """A viewer of the relay."""

    def __init__(self, address: str, key: ViewerKey | None, counters: Counters) -> None:
        super().__init__()
        self._address, self._key, self._counters = address, key, counters
        self.got: list[bytes] = []

    def run(self) -> None:
        """See Background."""
        with open_context() as context:
            viewer = ViewerPlayed(context, self._address, self._key, self._counters)
            while not self.stopping.is_set():
                viewer.socket.poll(50)
                self.got += [message.jpeg for message in viewer.look()]
                viewer.got[:-1] = []


def of_file(path: Path) -> list[Picture]:
    """Of a video."""
    import av

    with av.open(str(path)) as file:
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in file.decode(video=0)]
