from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from common.errors import AssetError
from common.model import GRAPH_NAME, GRAPH_SUM, WEIGHTS_NAME, Checksum
from infer import fetch
from infer.fetch import download, unpack
from tests.shared import ROOT

DATA = bytes(range(256)) * 4000


def sum_of(data: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(data).hexdigest())


class Server(ThreadingHTTPServer):
    """Serves DATA; `breaks` says how often it cuts the connection half-way, `ranges` whether it can resume."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/file": DATA}
        self.breaks, self.ranges, self.silent, self.says_size = 0, True, False, True
        self.elsewhere = ""  # where to redirect to
        self.asked: list[str | None] = []
        self.stop = threading.Event()

    def url(self, path: str = "/file") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


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
        if self.server.silent:
            self.server.stop.wait(5)
            return
        data = self.server.files[self.path]
        start = int(wanted.split("=")[1].rstrip("-")) if wanted and self.server.ranges else 0
        if start >= len(data):
            self.send_error(416)
            return
        rest = data[start:]
        self.send_response(206 if start else 200)
        if self.server.says_size:
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.server.breaks:
            self.server.breaks -= 1
            rest = rest[: len(rest) // 2]
        self.wfile.write(rest)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.stop.set()
        server.shutdown()


@pytest.mark.parametrize("ranges", [True, False])
def test_it_goes_on_where_it_broke_off(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.breaks, server.ranges = 2, ranges
    assert download(server.url(), tmp_path / "f", sum_of(DATA)).read_bytes() == DATA
    assert server.asked[0] is None
    assert server.asked[1] == f"bytes={len(DATA) // 2}-"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_part_of_an_earlier_run_is_used(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(DATA[:1000])
    assert download(server.url(), tmp_path / "f", sum_of(DATA)).read_bytes() == DATA
    assert server.asked == ["bytes=1000-"]


def test_a_complete_part_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(DATA)
    assert download(server.url(), tmp_path / "f", sum_of(DATA)).read_bytes() == DATA


def test_a_file_that_is_there_is_not_asked_for(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(DATA)
    download(server.url(), tmp_path / "f", sum_of(DATA))
    assert server.asked == []


def test_another_file_is_never_put_in_place(server: Server, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="expected sha256"):
        download(server.url(), tmp_path / "f", sum_of(b"else"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("says_size", [True, False])
@pytest.mark.parametrize("have", [0, 1000])
def test_nothing_is_taken_beyond_the_pinned_size(server: Server, tmp_path: Path, says_size: bool, have: int) -> None:
    server.says_size = says_size
    (tmp_path / "f.part").write_bytes(DATA[:have])
    pinned = Checksum("sha256", sum_of(DATA).digest, len(DATA) - 1)
    with pytest.raises(AssetError, match="got more"):
        download(server.url(), tmp_path / "f", pinned)
    assert list(tmp_path.iterdir()) == []
    assert download(server.url(), tmp_path / "f", Checksum("sha256", pinned.digest, len(DATA))).read_bytes() == DATA


def test_a_redirect_to_another_scheme_is_refused(server: Server, tmp_path: Path) -> None:
    server.elsewhere = "ftp://127.0.0.1/file"
    with pytest.raises(AssetError, match="redirect to ftp"):
        download(server.url(), tmp_path / "f", sum_of(DATA))


def test_what_is_fetched_is_pinned_and_comes_over_https() -> None:
    for url, pinned in ((fetch.ARCHIVE_URL, fetch.ARCHIVE_SUM), (fetch.GRAPH_URL, GRAPH_SUM)):
        assert url.startswith("https://")
        assert (pinned.algorithm, len(pinned.digest), pinned.size > 0) == ("sha256", 64, True)


def test_a_connection_that_keeps_breaking_keeps_its_part(server: Server, tmp_path: Path) -> None:
    server.breaks = 9
    with pytest.raises(AssetError, match=r"in 3 attempts.*goes on from there"):
        download(server.url(), tmp_path / "f", sum_of(DATA), tries=3)
    assert (tmp_path / "f.part").stat().st_size > len(DATA) // 2


def test_a_silent_server_and_a_missing_file_are_said(server: Server, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="HTTP 404"):
        download(server.url("/none"), tmp_path / "f", sum_of(DATA))
    server.silent = True
    with pytest.raises(AssetError, match="0 bytes in 1 attempts"):
        download(server.url(), tmp_path / "f", sum_of(DATA), tries=1, timeout_s=0.3)


def archive_of(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_the_whole_model_is_fetched(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = archive_of("model/frozen_inference_graph.pb", DATA)
    server.files = {"/a.tar.gz": archive, "/g.pbtxt": b"node {}"}
    monkeypatch.setattr(fetch, "ARCHIVE_SUM", sum_of(archive))
    monkeypatch.setattr(fetch, "WEIGHTS_SUM", sum_of(DATA))
    monkeypatch.setattr(fetch, "GRAPH_SUM", sum_of(b"node {}"))
    for _ in range(2):
        fetch.fetch_model(tmp_path, server.url("/a.tar.gz"), server.url("/g.pbtxt"))
    assert {p.name for p in tmp_path.iterdir()} == {WEIGHTS_NAME, GRAPH_NAME}
    assert len(server.asked) == 2, "the second time nothing is asked for"


@pytest.mark.parametrize(
    "data", [archive_of("other.pb", DATA), b"no archive", archive_of("x/frozen_inference_graph.pb", DATA)[:300]]
)
def test_a_wrong_archive_is_said(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(data)
    with pytest.raises(AssetError, match="expected"):
        unpack(tmp_path / "a.tar.gz", WEIGHTS_NAME, tmp_path / "w.pb", sum_of(DATA))
    assert not (tmp_path / "w.pb").exists()


def test_the_command_fails_with_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infer.fetch", "--folder", str(tmp_path), "--graph-url", "http://127.0.0.1:9/g"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("model: http://127.0.0.1:9/g: expected the whole file")
    assert len(done.stderr.splitlines()) == 1
