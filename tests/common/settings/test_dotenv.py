from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import ConfigError
from common.settings.dotenv import read_dotenv


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("ONLYME_SOURCE=/my clips/take #2.avi", "/my clips/take #2.avi"),
        ("ONLYME_SOURCE=rtsp://u:pa#ss$1\\n${HOME}@cam/x", "rtsp://u:pa#ss$1\\n${HOME}@cam/x"),
        ("ONLYME_SOURCE=/tmp/Anna's/a.avi", "/tmp/Anna's/a.avi"),
        ("ONLYME_SOURCE='tis.avi", "'tis.avi"),
        ('ONLYME_SOURCE=6" screen.avi', '6" screen.avi'),
        ('ONLYME_SOURCE="/my clips/Anna\'s.avi"', "/my clips/Anna's.avi"),
        ("ONLYME_SOURCE='  blanks  '", "  blanks  "),
        ("  export ONLYME_SOURCE = a=b \t\r", "a=b"),
        ("ONLYME_SOURCE=", ""),
        ("ONLYME_SOURCE=one\nONLYME_SOURCE=two", "two"),
    ],
)
def test_a_value_is_taken_as_it_is_written(line: str, value: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"{line}\n")
    assert read_dotenv(tmp_path / ".env") == {"ONLYME_SOURCE": value}


def test_comments_and_lines_of_others_are_ignored(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# ONLYME_FPS=3\n#ONLYME_FPS=3\n\nKEY='two\nlines'\nMY_ONLYME_FPS=3\nPATH=/nowhere\n"
    )
    assert read_dotenv(tmp_path / ".env") == {}


def test_bytes_that_are_no_utf_8_and_a_byte_order_mark_are_understood(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfONLYME_SOURCE=caf\xe9.avi\n")
    assert read_dotenv(tmp_path / ".env") == {"ONLYME_SOURCE": "caf\udce9.avi"}


def test_no_file_and_a_folder_hold_no_settings(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert read_dotenv(tmp_path / "none") == read_dotenv(tmp_path / "folder") == {}


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"a\nONLYME_TOKEN secret\nb", "line 2"), (b"ONLYME_TOKEN", "ONLYME_TOKEN=value"), ("ONLYME_FPS=3\n".encode("utf-16"), "UTF-8")],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_without_repeating_it(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ConfigError, match=says) as error:
        read_dotenv(tmp_path / ".env")
    assert "secret" not in str(error.value)


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ConfigError, match=r"expected a file that you may read, got: Permission denied"):
        read_dotenv(tmp_path / ".env")
