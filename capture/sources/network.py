"""An address as a source: a network camera, or a film on a server."""

from __future__ import annotations

import time
import urllib.parse
from collections import deque
from collections.abc import Callable

from capture.frozen_stream import FrozenStreamDetector
from capture.sources.container import LONGEST_READ_S, VideoInput
from capture.sources.paced import PacedSource, too_slow
from capture.sources.pacing import SLOWEST_PERIOD_S
from capture.sources.source import NETWORK_CAMERA, READ_TIMEOUT_S, Source, SourceFrame
from common.errors import SourceError, SourceLostError

SCHEMES = ("rtsp", "rtsps", "http", "https")
NO_STAMP = -1.0
FEW, FIRST_PICTURES = 3, 6  # gaps that tell the rate; pictures among which a source may turn out to be too slow


class StreamSource:
    """Read a network camera: every picture is passed on as it comes.

    Args:
        shown: Name for the log.
        video: The opened stream.
        reopen: Opens it again.
        is_first: It was not read before, so that it may turn out to be too slow.
    """

    name, notice = NETWORK_CAMERA, ""

    def __init__(self, shown: str, video: VideoInput, reopen: Callable[[], Source], is_first: bool) -> None:
        self.reopen, self._shown, self._video = reopen, shown, video
        self._is_first = is_first
        self._gaps_s: deque[float] = deque(maxlen=FEW)  # between the last pictures
        self._last: tuple[float, float] | None = None  # timestamp and time of arrival of the last picture, seconds
        # JPEG of a working sensor is never the same twice; a video codec repeats a scene that stands still to the last bit
        self._frozen = FrozenStreamDetector(pictures=video.codec == "mjpeg" and not video.has_timestamps)
        self._index = 0
        self.read_timeout_s = READ_TIMEOUT_S + LONGEST_READ_S  # until the time between two pictures is known
        self.description = f"{shown}, {video.codec} through {video.format}"

    def read(self) -> SourceFrame | None:
        """See Source."""
        try:
            decoded = self._video.next_frame()
        except SourceLostError:
            silent_s = 0.0 if self._last is None else time.monotonic() - self._last[1]
            if self._is_first and self._index == 1 and silent_s > SLOWEST_PERIOD_S:
                raise SourceError(too_slow(self._shown, silent_s)) from None
            raise  # a connection that broke says nothing about the rate
        if decoded is None:
            raise SourceLostError(f"{self.name} stopped delivering; check it")
        picture, now_ns = self._video.picture(decoded.frame), time.monotonic_ns()
        stamp_s = NO_STAMP if decoded.stamp_s is None or not self._video.has_timestamps else decoded.stamp_s
        if why := self._frozen.check(picture, stamp_s * 1e3, now_ns):
            raise SourceLostError(f"{self.name} {why}")
        self._measure_rate(stamp_s, now_ns / 1e9)
        self._index += 1
        return SourceFrame(picture, self._index - 1, now_ns)

    def close(self) -> None:
        """See Source."""
        self._video.close()

    def _measure_rate(self, stamp_s: float, now_s: float) -> None:
        """Set `read_timeout_s` by the time between pictures.

        Raises:
            SourceError: The source is too slow. Only its first pictures tell, since later ones may be late for other reasons.
        """
        if self._last is not None:
            # what was waiting while the stream was opened comes at once; a stream without timestamps has those of arrival
            self._gaps_s.append(max(stamp_s - self._last[0], now_s - self._last[1]))
        self._last = stamp_s, now_s
        if len(self._gaps_s) < FEW:
            return
        shortest_s, longest_s = min(self._gaps_s), max(self._gaps_s)
        if self._is_first and self._index <= FIRST_PICTURES and shortest_s > SLOWEST_PERIOD_S:
            raise SourceError(too_slow(self._shown, shortest_s))
        self.read_timeout_s = READ_TIMEOUT_S + min(longest_s, SLOWEST_PERIOD_S)


def open_address(address: str, once: bool, is_first: bool = True) -> Source:
    """Open an address: a film is played at its own pace, once or in a loop; of a stream every picture is passed on as it comes.

    Args:
        address: With one of SCHEMES, in small letters.
        once: End after a film.
        is_first: It was not read before.

    Raises:
        SourceError: It has another scheme, cannot be opened, delivers nothing, or has too few pictures a second.
    """
    scheme = address.partition("://")[0]
    if scheme not in SCHEMES:
        raise SourceError(f"--source: expected an address of {', '.join(SCHEMES)}, got one of {scheme}; check it")
    shown = origin_of(address)

    def open_input() -> VideoInput:
        return VideoInput(address, NETWORK_CAMERA, is_network=True)

    def reopen() -> Source:
        return open_address(address, once, is_first=False)

    try:
        video = open_input()
    except SourceError as error:
        raise SourceError(
            f"--source: expected a stream at {shown}, got none that delivers ({error}); "
            "check the address and that it is served"
        ) from None
    if video.is_live:
        return StreamSource(shown, video, reopen, is_first)
    return PacedSource(NETWORK_CAMERA, shown, video, open_input, reopen, once=once)


def origin_of(address: str) -> str:
    """Return scheme and host of an address, such as "rtsp://192.168.1.9", without user, password, port, path and query.

    If a password contains a slash, the rest of it looks like a path that contains an @. The host cannot be told apart from
    the password then, so only the scheme is returned.
    """
    scheme, _, rest = address.partition("://")
    try:
        parts = urllib.parse.urlsplit(address)
        host = parts.hostname
    except ValueError:  # not a valid IPv6 address
        host = None
    if not host or "@" in rest[len(parts.netloc) :]:
        return f"{scheme}://..."
    return f"{scheme}://[{host}]" if ":" in host else f"{scheme}://{host}"
