"""Servers of films and streams, on loopback."""

from __future__ import annotations

import functools
import http.server
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextmanager
def serve(handler: Callable[..., http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve with a handler; yields the address without a path."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve files, with their lengths but without parts of them."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with serve(functools.partial(Quiet, directory=str(folder))) as address:
        yield address


@contextmanager
def serve_stream(data: bytes, content_type: str, *, stalls: bool = False) -> Iterator[str]:
    """Send the same bytes to everybody, of a length that is not told, and then hang up, or say nothing more."""

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_header("Content-Type", content_type)
        request.end_headers()
        request.wfile.write(data)
        request.wfile.flush()
        if stalls:
            over.wait(60)

    over = threading.Event()
    with serve_with(answer) as address:
        yield address
        over.set()


@contextmanager
def serve_with(answer: Answer) -> Iterator[str]:
    """Serve with a function that sends what comes after the status."""

    class Stream(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            with suppress(OSError):
                answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serve(Stream) as address:
        yield address


@contextmanager
def serve_live_playlist(parts: list[Path], part_s: float) -> Iterator[str]:
    """Serve a playlist (HLS) that holds three parts at first, and one more after each `part_s`, as a camera makes them."""
    begun = time.monotonic()

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        if request.path.endswith(".ts"):
            request.end_headers()
            request.wfile.write(parts[0].with_name(Path(request.path).name).read_bytes())
            return
        count = min(len(parts), 3 + int((time.monotonic() - begun) / part_s))
        first = max(0, count - 5)
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:3",
            f"#EXT-X-TARGETDURATION:{math.ceil(part_s)}",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
        ]
        lines += [line for part in parts[first:count] for line in (f"#EXTINF:{part_s:.3f},", part.name)]
        request.send_header("Content-Type", "application/vnd.apple.mpegurl")
        request.end_headers()
        request.wfile.write(("\n".join(lines) + "\n").encode())

    with serve_with(answer) as address:
        yield f"{address}/live.m3u8"
