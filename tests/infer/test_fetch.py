"""Both models from a local server: whole and right, or not at all."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from common.errors import AssetError
from infer import fetch
from infer.download import Pinned, download
from infer.model_folder import CLASS_LIST, GRAPH_NAME, NOT_FETCHED, WEIGHTS_NAME, find_model, models_in
from tests.conftest import on_a_disk
from tests.infer.server import FAULTS, Server, serving
from tests.infer.test_download import DATA, archive_of, sum_of
from tests.shared import MASK_RCNN_2GO, ROOT

WEIGHTS = bytes(range(256)) * 4000
GRAPH = b"node {}"
ARCHIVE = archive_of(f"model/{WEIGHTS_NAME}", WEIGHTS)


class Model(NamedTuple):
    """What is served for one, in the order in which it is fetched."""

    name: str
    files: dict[str, bytes]

    def pinned(self, server: Server) -> dict[str, Pinned]:
        """By path."""
        return {path: Pinned(server.url(path), sum_of(data)) for path, data in self.files.items()}

    def fetch(self, server: Server, folder: Path) -> None:
        """From there into `folder`."""
        pinned = self.pinned(server)
        if self.name == "tutorial":
            fetch.fetch_tutorial(folder, pinned["/a.tar.gz"], pinned["/g.pbtxt"], sum_of(WEIGHTS))
        else:
            fetch.fetch_small(folder, {path[1:]: one for path, one in pinned.items()})


TUTORIAL = Model("tutorial", {"/g.pbtxt": GRAPH, "/a.tar.gz": ARCHIVE})
STAND_IN = Model("small", {"/model.pb": DATA[:5000], "/model_init.pb": DATA})  # for what never comes to writing it out


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(TUTORIAL.files | STAND_IN.files) as server:
        yield server


@pytest.fixture
def small(server: Server) -> Model:
    """The real one."""
    server.files |= (model := Model("small", {f"/{n}": (MASK_RCNN_2GO / n).read_bytes() for n in fetch.SMALL})).files
    return model


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "download", partial(download, tries=2, timeout_s=0.3))


def names(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("model", [STAND_IN, TUTORIAL], ids=lambda m: m.name)
@pytest.mark.parametrize("which", [0, 1], ids=["first file", "last file"])
@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - {"slow", "slow_to_answer"}))  # which only a limit ends
def test_a_faulty_server_never_puts_a_model_in_place(
    fault: str, which: int, model: Model, server: Server, tmp_path: Path
) -> None:
    server.faults[list(model.files)[which]] = fault
    with pytest.raises(AssetError) as caught:
        model.fetch(server, tmp_path / "model")
    assert str(caught.value).isprintable(), "one line, whatever the server said"
    assert models_in(tmp_path / "model") == []
    taken = sum(p.stat().st_size for p in tmp_path.rglob("*.part"))
    assert taken <= len(list(model.files.values())[which]), "nothing beyond the pinned size"


@pytest.mark.model
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["cut_off", "another_file", "endless"])
def test_the_small_model_is_fetched_once_the_server_recovers(
    fault: str, server: Server, small: Model, tmp_path: Path
) -> None:
    server.faults["/model_init.pb"] = fault
    with pytest.raises(AssetError):
        small.fetch(server, tmp_path)
    server.faults.clear()
    small.fetch(server, tmp_path)
    assert names(tmp_path) == {fetch.SMALL_NAME, CLASS_LIST}


@pytest.mark.model
def test_the_shared_files_of_2go_match_their_checksums() -> None:
    for name, pinned in fetch.SMALL.items():
        assert sum_of((MASK_RCNN_2GO / name).read_bytes()) == pinned.checksum


@pytest.mark.model
def test_a_damaged_model_is_replaced(server: Server, small: Model, tmp_path: Path) -> None:
    (tmp_path / fetch.SMALL_NAME).write_bytes(b"half of it")
    (tmp_path / NOT_FETCHED).write_text("not here within 20 s\n")
    small.fetch(server, tmp_path)
    first = (tmp_path / fetch.SMALL_NAME).read_bytes()
    assert len(first) > 1_000_000
    assert names(tmp_path) == {fetch.SMALL_NAME, CLASS_LIST}, "a start has nothing to remember any more"
    small.fetch(server, tmp_path)
    assert (tmp_path / fetch.SMALL_NAME).read_bytes() == first


def test_the_tutorials_model_is_fetched(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        TUTORIAL.fetch(server, tmp_path / "tutorial")
    assert names(tmp_path / "tutorial") == {WEIGHTS_NAME, GRAPH_NAME, CLASS_LIST}
    assert find_model(tmp_path / "tutorial").weights.read_bytes() == WEIGHTS
    assert len(server.asked) == 2, "the second time nothing is asked for"


@pytest.mark.parametrize("into", [".", "tutorial"])
def test_nothing_is_fetched_beside_an_existing_model_of_the_tutorial(
    into: str, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / WEIGHTS_NAME).write_bytes(WEIGHTS)
    (tmp_path / GRAPH_NAME).write_bytes(GRAPH)
    (STAND_IN if into == "." else TUTORIAL).fetch(server, tmp_path / into)
    assert (server.asked, names(tmp_path)) == ([], {WEIGHTS_NAME, GRAPH_NAME})
    assert capsys.readouterr().out.count("\n") == 1


def test_all_files_are_pinned_and_fetched_over_https() -> None:
    for pinned in (*fetch.SMALL.values(), fetch.ARCHIVE, fetch.GRAPH):
        assert pinned.url.startswith("https://")
        checksum = pinned.checksum
        assert (checksum.algorithm, len(checksum.digest), checksum.size > 0) == ("sha256", 64, True)


@pytest.mark.parametrize("model", [STAND_IN, TUTORIAL], ids=lambda m: m.name)
def test_two_programs_do_not_fetch_into_one_folder(model: Model, server: Server, tmp_path: Path) -> None:
    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(AssetError, match="another program is fetching"):
        model.fetch(server, tmp_path)
    os.close(other)
    assert server.asked == []


FETCH = """
import sys
from pathlib import Path
from common.errors import AssetError
from tests.infer.test_fetch import STAND_IN, TUTORIAL, serving
model = {"small": STAND_IN, "tutorial": TUTORIAL}[sys.argv[1]]
with serving(model.files) as server:
    try:
        model.fetch(server, Path(sys.argv[2]) / "model")
    except AssetError as error:
        print(f"asked {len(server.asked)} times: {error}")
"""


@pytest.mark.root
@pytest.mark.parametrize("model", [STAND_IN, TUTORIAL], ids=lambda m: m.name)
@pytest.mark.parametrize(
    ("disk", "says"),
    [
        ("ro", r"asked 0 times: .*/model: cannot be written \(Read-only file system\).*\n"),
        ("size=100k", r"asked 2 times: .*\.part: cannot be written \(No space left on device\).*\n"),
    ],
    ids=["read-only", "full"],
)
def test_a_disk_that_cannot_be_written_is_reported(disk: str, says: str, model: Model, tmp_path: Path) -> None:
    done = on_a_disk(disk, tmp_path, ["-c", FETCH, model.name, str(tmp_path)], dict(os.environ))
    assert re.fullmatch(says, done.stdout), done.stdout + done.stderr


COMMAND = """
import sys
from functools import partial
from pathlib import Path
from infer import fetch
fetch.FOLDER, nobody = Path(sys.argv.pop(1)), fetch.Pinned("http://127.0.0.1:9/g", fetch.GRAPH.checksum)
fetch.fetch_small = partial(fetch.fetch_small, files={"model.pb": nobody})
fetch.fetch_tutorial = partial(fetch.fetch_tutorial, graph=nobody)
fetch.main()
"""


@pytest.mark.parametrize("model", ["small", "tutorial"])
def test_the_command_fails_with_one_line(model: str, tmp_path: Path) -> None:
    (tmp_path / CLASS_LIST).touch()
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, str(tmp_path), model], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "model: g of 127.0.0.1:9: expected the whole file, got 0 bytes in 4 attempts ([Errno 111] Connection refused)"
    )
    assert len(done.stderr.splitlines()) == 1
