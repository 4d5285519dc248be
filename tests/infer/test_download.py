from __future__ import annotations

import hashlib
import io
import ssl
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import AssetError
from infer.download import Pinned, download, unpack
from infer.model_folder import WEIGHTS_NAME, Checksum
from tests.infer.server import Server, serving

DATA = bytes(range(256)) * 4000


def sum_of(data: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(data).hexdigest(), len(data))


def archive_of(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving({"/file": DATA}) as server:
        yield server


@pytest.fixture
def pinned(server: Server) -> Pinned:
    return Pinned(server.url(), sum_of(DATA))


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_is_resumed(server: Server, pinned: Pinned, tmp_path: Path, ranges: bool) -> None:
    server.breaks, server.ranges = 2, ranges
    assert download(pinned, tmp_path / "f").read_bytes() == DATA
    assert server.asked[0] is None
    assert server.asked[1] == f"bytes={len(DATA) // 2}-"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_part_of_an_earlier_run_is_resumed(server: Server, pinned: Pinned, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(DATA[:1000])
    assert download(pinned, tmp_path / "f").read_bytes() == DATA
    assert server.asked == ["bytes=1000-"]


def test_a_complete_part_is_checked_only(server: Server, pinned: Pinned, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(DATA)
    assert download(pinned, tmp_path / "f").read_bytes() == DATA


def test_an_existing_file_is_not_requested(server: Server, pinned: Pinned, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(DATA)
    download(pinned, tmp_path / "f")
    assert server.asked == []


def test_a_damaged_file_is_fetched_again(pinned: Pinned, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(DATA[:-1] + b"x")
    assert download(pinned, tmp_path / "f").read_bytes() == DATA


def test_another_file_is_never_put_in_place(server: Server, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="expected sha256"):
        download(Pinned(server.url(), Checksum("sha256", sum_of(b"else").digest)), tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("says_size", [True, False])
@pytest.mark.parametrize("have", [0, 1000])
def test_nothing_is_taken_beyond_the_pinned_size(server: Server, tmp_path: Path, says_size: bool, have: int) -> None:
    server.says_size = says_size
    (tmp_path / "f.part").write_bytes(DATA[:have])
    shorter = Checksum("sha256", sum_of(DATA).digest, len(DATA) - 1)
    with pytest.raises(AssetError, match="got more"):
        download(Pinned(server.url(), shorter), tmp_path / "f")
    assert list(tmp_path.iterdir()) == []
    assert download(Pinned(server.url(), sum_of(DATA)), tmp_path / "f").read_bytes() == DATA


def test_a_redirect_to_another_scheme_is_refused(server: Server, pinned: Pinned, tmp_path: Path) -> None:
    server.elsewhere = "ftp://127.0.0.1/file"
    with pytest.raises(AssetError, match="redirect to ftp"):
        download(pinned, tmp_path / "f")


@pytest.fixture
def trusted(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """TLS of 127.0.0.1 with a certificate that this process trusts."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key", "-out", "certificate"],
            cwd=folder, capture_output=True, check=True,
        )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "certificate"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    return context


@pytest.mark.tls
def test_a_redirect_from_https_to_http_is_refused(server: Server, trusted: ssl.SSLContext, tmp_path: Path) -> None:
    with serving({"/file": DATA}) as safe:
        safe.socket = trusted.wrap_socket(safe.socket, server_side=True)
        pinned = Pinned(f"https://127.0.0.1:{safe.server_port}/file", sum_of(DATA))
        safe.elsewhere = server.url()
        with pytest.raises(AssetError, match="redirect to http:"):
            download(pinned, tmp_path / "f", tries=1)
        assert server.asked == []
        safe.elsewhere = ""
        assert download(pinned, tmp_path / "f", tries=1).read_bytes() == DATA, "https itself works here"


def test_a_connection_that_keeps_breaking_keeps_its_part(server: Server, pinned: Pinned, tmp_path: Path) -> None:
    server.breaks = 9
    with pytest.raises(AssetError, match=r"in 3 attempts.*goes on from there"):
        download(pinned, tmp_path / "f", tries=3)
    assert (tmp_path / "f.part").stat().st_size > len(DATA) // 2


def test_a_silent_server_and_a_missing_file_are_reported(server: Server, pinned: Pinned, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="HTTP 404"):
        download(Pinned(server.url("/none"), sum_of(DATA)), tmp_path / "f")
    server.faults["/file"] = "silent"
    with pytest.raises(AssetError, match="0 bytes in 1 attempts"):
        download(pinned, tmp_path / "f", tries=1, timeout_s=0.3)


def test_a_slow_server_is_waited_for(server: Server, tmp_path: Path) -> None:
    """What ends a download is silence, not time."""
    server.files["/slow"], server.faults["/slow"] = DATA[:20], "slow"
    pinned = Pinned(server.url("/slow"), sum_of(DATA[:20]))
    assert download(pinned, tmp_path / "f", tries=1, timeout_s=0.5).read_bytes() == DATA[:20]


def test_a_full_disk_is_not_reported_as_a_bad_connection(server: Server, pinned: Pinned, tmp_path: Path) -> None:
    (tmp_path / "f.part").symlink_to("/dev/full")
    with pytest.raises(AssetError, match=r"f\.part: cannot be written \(No space left on device\)"):
        download(pinned, tmp_path / "f")
    assert len(server.asked) == 1
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    "data", [archive_of("other.pb", DATA), b"no archive", archive_of("x/frozen_inference_graph.pb", DATA)[:300]]
)
def test_a_wrong_archive_is_reported(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(data)
    with pytest.raises(AssetError, match="expected"):
        unpack(tmp_path / "a.tar.gz", WEIGHTS_NAME, tmp_path / "w.pb", sum_of(DATA))
    assert not (tmp_path / "w.pb").exists()


def test_another_file_in_the_archive_is_never_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(archive_of(f"x/{WEIGHTS_NAME}", DATA + b"x"))
    with pytest.raises(AssetError, match="expected sha256"):
        unpack(tmp_path / "a.tar.gz", WEIGHTS_NAME, tmp_path / "w.pb", sum_of(DATA))
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar.gz"]
