from __future__ import annotations

from pathlib import Path

import pytest

from capture.settings import CaptureSettings
from common.errors import ConfigError
from common.settings.base import Settings
from common.settings.loader import read_settings
from compose.settings import ComposeSettings
from display.settings import DisplaySettings
from infer.settings import InferSettings
from tests.settings import read


def test_flags_come_before_the_environment_before_dotenv_before_defaults(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("ONLYME_KERNEL=21\nONLYME_THRESHOLD=0.1\nONLYME_EDGE=hard\n# a comment\n")
    env = {"ONLYME_KERNEL": "31", "ONLYME_THRESHOLD": "0.2", "PATH": "/bin"}
    got = read(ComposeSettings, "-k", "51", env=env, dotenv=dotenv)
    assert (got.kernel, got.threshold, got.edge, got.confidence) == (51, 0.2, "hard", 0.5)


def test_the_tutorials_flags_keep_names_and_defaults() -> None:
    infer, compose = read(InferSettings), read(ComposeSettings)
    assert (infer.confidence, infer.threshold, infer.infer_width, compose.kernel) == (0.5, 0.3, 600, 0)
    assert read(InferSettings, "-m", "x", "-c", "0.6", "-t", "0.4").mask_rcnn == Path("x")


def test_a_variable_of_another_stage_is_ignored() -> None:
    assert read(CaptureSettings, env={"ONLYME_KERNEL": "nonsense"}).source == "auto"


@pytest.mark.parametrize(("kind", "argv", "says"), [
    (ComposeSettings, ["-k", "40"], "odd number"), (ComposeSettings, ["-k", "303"], "odd"), (ComposeSettings, ["-k", "-3"], "-k"),
    (ComposeSettings, ["-k", "0.5"], "odd number"), (ComposeSettings, ["-t", "1.5"], "0..1"),
    (ComposeSettings, ["-c", "nan"], "0..1"), (ComposeSettings, ["--background", "color:zz"], "RRGGBB"),
    (ComposeSettings, ["--no-such-flag"], "no-such-flag"), (DisplaySettings, ["--sink", "moon"], "one of"),
    (CaptureSettings, ["--width", "9"], "64..16384"), (CaptureSettings, ["--source", ""], "some text"),
    (InferSettings, ["--proposals", "x"], "whole number"), (Settings, ["--log-level", "loud"], "one of"),
    (ComposeSettings, ["--kern", "21"], "--kern"), (ComposeSettings, ["--max-mask-age", "20"], "50..10000, or 0"),
    (ComposeSettings, ["--keep", "cel phone"], "such as cell phone"), (ComposeSettings, ["--keep", "dog,qqq"], "'qqq'"),
    (ComposeSettings, ["--return", "never"], "auto, ask"), (InferSettings, ["--max-infer-hz", "0.1"], "0.2..240, or 0"),
    (InferSettings, ["-m", "caf\udce9"], "a name in UTF-8"), (ComposeSettings, ["--background", "video:caf\udce9.mp4"], "in UTF-8"),
    (InferSettings, ["--max-infer-hz", "often"], "0.2..240, or 0"), (InferSettings, ["--max-infer-hz", "241"], "0.2..240, or 0"),
])  # fmt: skip
def test_a_bad_flag_gives_an_error_of_one_line(kind: type[Settings], argv: list[str], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(kind, *argv)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_misspelt_flag_does_not_put_a_password_on_the_terminal() -> None:
    with pytest.raises(ConfigError, match=r"--sorce rtsp://\.\.\.; see --help"):
        read(CaptureSettings, "--sorce", "rtsp://USER:SECRET@cam.lan/x")


def test_a_bad_variable_names_what_was_expected() -> None:
    with pytest.raises(ConfigError, match=r"expected an odd number.*got '4'"):
        read(ComposeSettings, env={"ONLYME_KERNEL": "4"})


@pytest.mark.parametrize("where", ["env", "dotenv"])
def test_an_unknown_variable_is_refused_with_the_nearest(where: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ONLYME_KERNAL=21\n" if where == "dotenv" else "")
    env = {"ONLYME_KERNAL": "21"} if where == "env" else {}
    with pytest.raises(ConfigError, match=r"ONLYME_KERNAL.*ONLYME_KERNEL"):
        read(CaptureSettings, env=env, dotenv=tmp_path / ".env")


def test_under_honcho_the_users_environment_comes_before_dotenv(tmp_path: Path) -> None:
    """honcho puts what it read from .env, in its own way, over the variables of the user."""
    dotenv = tmp_path / ".env"
    dotenv.write_text("ONLYME_SOURCE=/my clips/a#1.avi\nONLYME_WIDTH=640\n")
    honchos = {"ONLYME_SOURCE": "/myclips/a", "ONLYME_WIDTH": "640", "ONLYME_FPS": "7", "ONLYME_PLAY": "once"}
    users = {"ONLYME_WIDTH": "320", "ONLYME_PLAY": "once"}  # the rate stands in the line of the Procfile
    got = read_settings(CaptureSettings, "test", [], honchos, dotenv, before_honcho=users)
    assert (got.source, got.width, got.fps, got.play) == ("/my clips/a#1.avi", 320, 7, "once")
    got = read_settings(CaptureSettings, "test", ["--width", "160"], honchos, dotenv, before_honcho=users)
    assert got.width == 160


def test_the_home_folder_of_nobody_is_said() -> None:
    with pytest.raises(ConfigError, match=r"--out: expected a path whose home folder is known, got '~nosuchuser/x'"):
        read(DisplaySettings, "--out", "~nosuchuser/x")
