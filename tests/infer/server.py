"""A file server on this machine that can have every fault of a real one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from infer.download import Pinned


class Server(ThreadingHTTPServer):
    """Serves `files`, by path such as "/file"; those of `faults` with that fault, a key of FAULTS.

    breaks: How often it cuts the connection half-way.
    ranges: Whether it can resume.
    says_size: Whether it sends a Content-Length.
    elsewhere: Where to redirect to.
    asked: The Range header of every request.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.faults = dict(files), dict[str, str]()
        self.breaks, self.ranges, self.says_size = 0, True, True
        self.elsewhere = ""
        self.asked: list[str | None] = []
        self.stop = threading.Event()

    def url(self, path: str = "/file") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def instead_of(self, pinned: Pinned, path: str) -> Pinned:
        """The same file, from here."""
        return Pinned(self.url(path), pinned.checksum)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        if self.path not in self.server.files:
            self.send_error(404)
            return
        if self.server.elsewhere:
            self.send_response(302)
            self.send_header("Location", self.server.elsewhere)
            self.end_headers()
            return
        data = self.server.files[self.path]
        if self.path in self.server.faults:
            FAULTS[self.server.faults[self.path]](self, data)
            return
        start = int(wanted.split("=")[1].rstrip("-")) if wanted and self.server.ranges else 0
        if start >= len(data):
            self.send_error(416)
            return
        rest = data[start:]
        self.answer(len(rest) if self.server.says_size else None, 206 if start else 200)
        if self.server.breaks:
            self.server.breaks -= 1
            rest = rest[: len(rest) // 2]
        self.wfile.write(rest)

    def answer(self, size: int | None, status: int = 200) -> None:
        self.send_response(status)
        if size is not None:
            self.send_header("Content-Length", str(size))
        self.end_headers()

    def silent(self, data: bytes) -> None:
        self.server.stop.wait(60)

    def silent_half_way(self, data: bytes) -> None:
        self.cut_off(data)
        self.server.stop.wait(60)

    def slow(self, data: bytes) -> None:
        """Never silent for long, and never done."""
        self.answer(len(data))
        for start in range(len(data)):
            self.wfile.write(data[start : start + 1])
            if self.server.stop.wait(0.05):
                break

    def slow_to_answer(self, data: bytes) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not self.server.stop.wait(0.05):
            self.wfile.write(b"x")

    def endless(self, data: bytes) -> None:
        self.answer(None)
        while not self.server.stop.is_set():
            self.wfile.write(data)

    def too_long(self, data: bytes) -> None:
        self.answer(len(data) + 1)
        self.wfile.write(data + b"x")

    def too_short(self, data: bytes) -> None:
        self.answer(len(data) - 1)
        self.wfile.write(data[:-1])

    def another_file(self, data: bytes) -> None:
        self.answer(len(data))
        self.wfile.write(data[:-1] + bytes([data[-1] ^ 1]))

    def cut_off(self, data: bytes) -> None:
        self.answer(len(data))
        self.wfile.write(data[: len(data) // 2])

    def missing(self, data: bytes) -> None:
        self.send_error(404)

    def broken(self, data: bytes) -> None:
        self.send_error(500)

    def to_another_scheme(self, data: bytes) -> None:
        self.send_response(302)
        self.send_header("Location", "ftp://127.0.0.1/file")
        self.end_headers()

    def in_a_circle(self, data: bytes) -> None:
        self.send_response(302)
        self.send_header("Location", self.server.url(self.path))
        self.end_headers()

    def nothing_left(self, data: bytes) -> None:
        self.send_error(416)

    def no_length(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "many")
        self.end_headers()

    def no_http(self, data: bytes) -> None:
        self.wfile.write(b"220 \x1b[31mwelcome\r\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


FAULTS: dict[str, Callable[[Handler, bytes], None]] = {
    fault.__name__: fault
    for fault in (
        Handler.silent, Handler.silent_half_way, Handler.slow, Handler.slow_to_answer, Handler.endless,
        Handler.too_long, Handler.too_short, Handler.another_file, Handler.cut_off, Handler.missing, Handler.broken,
        Handler.to_another_scheme, Handler.in_a_circle, Handler.nothing_left, Handler.no_length, Handler.no_http,
    )
}  # fmt: skip


class QuietServer(Server):
    """Whose clients may go away."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[Server]:
    """A server of these files."""
    with QuietServer(files) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield server
        finally:
            server.stop.set()
            server.shutdown()
