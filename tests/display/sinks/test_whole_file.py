from __future__ import annotations

from pathlib import Path

import pytest

from common.runtime.private_files import write_private
from display.sinks.whole_file import WholeFile, make_free
from tests.display.sinks.full_disk import files_up_to


def test_a_file_holds_whole_pieces_only_where_a_write_fails(tmp_path: Path) -> None:
    file = WholeFile(tmp_path / "file")
    with files_up_to(5000):
        file.append(b"a" * 4000)
        with pytest.raises(OSError, match="too large"):
            file.append(b"b" * 4000)
        with pytest.raises(OSError, match="too large"):
            file.append(b"c")  # would fit, after a gap
    file.close()
    assert file.path.read_bytes() == b"a" * 4000
    assert file.size == 4000


def test_a_file_without_a_whole_piece_is_removed(tmp_path: Path) -> None:
    file = WholeFile(tmp_path / "file")
    with files_up_to(100), pytest.raises(OSError, match="too large"):
        file.append(b"a" * 200)
    file.close()
    with files_up_to(100), pytest.raises(OSError, match="too large"):
        write_private(tmp_path / "picture.png", b"a" * 200)
    assert list(tmp_path.iterdir()) == []
    write_private(tmp_path / "picture.png", b"a" * 200)
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"], "the negative control"


def test_the_first_free_name_is_taken_and_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "call.mp4").write_text("an earlier call")
    (tmp_path / "call-2.mp4").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "call-3.mp4").mkdir()
    made = make_free(tmp_path / "call.mp4", WholeFile)
    assert made.path == tmp_path / "call-4.mp4"
    made.close()
    assert (tmp_path / "call.mp4").read_text() == "an earlier call"
    assert not (tmp_path / "elsewhere").exists()
