from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from common.config import CaptureSettings, ComposeSettings, DisplaySettings, InferSettings, Settings, read_settings
from common.errors import ConfigError
from common.vision.coco import NAMES


def read(kind: type[Any], *argv: str, env: dict[str, str] | None = None, dotenv: Path = Path("none")) -> Any:
    return read_settings(kind, "test", argv, env or {}, dotenv)


def test_flags_before_environment_before_dotenv_before_defaults(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("ONLYME_KERNEL=21\nONLYME_THRESHOLD=0.1\nONLYME_EDGE=hard\n# a comment\n")
    env = {"ONLYME_KERNEL": "31", "ONLYME_THRESHOLD": "0.2", "PATH": "/bin"}
    got = read(ComposeSettings, "-k", "51", env=env, dotenv=dotenv)
    assert (got.kernel, got.threshold, got.edge, got.confidence) == (51, 0.2, "hard", 0.5)


def test_the_tutorials_flags_keep_names_and_defaults() -> None:
    infer, compose = read(InferSettings), read(ComposeSettings)
    assert (infer.confidence, infer.threshold, infer.infer_width, compose.kernel) == (0.5, 0.3, 600, 0)
    assert read(InferSettings, "-m", "x", "-c", "0.6", "-t", "0.4").mask_rcnn == Path("x")


def test_a_variable_of_another_stage_is_left_alone() -> None:
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
])  # fmt: skip
def test_a_bad_flag_is_one_clear_line(kind: type[Settings], argv: list[str], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(kind, *argv)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_misspelt_flag_does_not_put_a_password_on_the_terminal() -> None:
    with pytest.raises(ConfigError, match=r"--sorce rtsp://\.\.\.; see --help"):
        read(CaptureSettings, "--sorce", "rtsp://USER:SECRET@cam.lan/x")


@pytest.mark.parametrize("given", ["--backend", "--backend=cuda", "--target", "ONLYME_BACKEND", "ONLYME_TARGET"])
def test_what_device_replaces_is_refused_with_its_name(given: str) -> None:
    argv, env = ([given, "cuda"], {}) if given.startswith("-") else ([], {given: "cuda"})
    with pytest.raises(
        ConfigError, match=r"^(--|ONLYME_)\w+: expected --device or ONLYME_DEVICE, which replaces it"
    ) as error:
        read(InferSettings, *argv, env=env)
    assert given.partition("=")[0] in str(error.value)
    assert "\n" not in str(error.value)


def test_a_device_is_one_that_is_known() -> None:
    assert read(InferSettings).device == "auto"
    assert read(InferSettings, env={"ONLYME_DEVICE": "cuda"}).device == "cuda"
    with pytest.raises(ConfigError, match="one of auto, cpu, cuda, tensorrt, coreml, directml, openvino, got 'tpu'"):
        read(InferSettings, "--device", "tpu")


def test_infer_and_compose_agree_on_how_old_a_mask_may_be() -> None:
    for argv, *limits_ms in (
        ([], 750, 2000),
        (["--max-infer-hz", "2"], 1250, 2000),
        (["--max-infer-hz", "0.5"], 2750, 2750),
        (["--max-mask-age", "300"], 300, 300),
        (["--max-mask-age", "3000"], 3000, 3000),
    ):
        composing = read(ComposeSettings, *argv)
        assert [composing.mask_age_limit_ms, composing.mask_age_alone_ms] == limits_ms
        assert read(InferSettings, *argv).mask_age_limit_ms == limits_ms[0]


def test_a_bad_variable_names_what_was_expected() -> None:
    with pytest.raises(ConfigError, match=r"expected an odd number.*got '4'"):
        read(ComposeSettings, env={"ONLYME_KERNEL": "4"})


@pytest.mark.parametrize("where", ["env", "dotenv"])
def test_an_unknown_variable_is_refused_with_the_nearest(where: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ONLYME_KERNAL=21\n" if where == "dotenv" else "")
    env = {"ONLYME_KERNAL": "21"} if where == "env" else {}
    with pytest.raises(ConfigError, match=r"ONLYME_KERNAL.*ONLYME_KERNEL"):
        read(CaptureSettings, env=env, dotenv=tmp_path / ".env")


def test_what_is_kept_is_named_by_coco_and_nothing_by_default() -> None:
    assert read(ComposeSettings).keep == ()
    assert read(ComposeSettings, env={"ONLYME_KEEP": ""}).keep == ()
    assert read(ComposeSettings, "--keep", 'dog, "cell phone"'.replace('"', "")).keep == ("dog", "cell phone")
    assert read(ComposeSettings, env={"ONLYME_KEEP": "cell phone,dog", "ONLYME_RETURN": "ask"}).return_ == "ask"


def test_the_names_are_those_of_the_model() -> None:
    assert len(NAMES) == 90 and NAMES[0] == "person" and len(set(NAMES)) == 90


def test_a_mask_may_be_older_where_results_were_asked_to_be_rare() -> None:
    for argv, limit in (
        ([], 750), (["--max-infer-hz", "1"], 1750), (["--max-mask-age", "400"], 400),
        (["--max-mask-age", "400", "--max-infer-hz", "1"], 400),
    ):  # fmt: skip
        assert read(ComposeSettings, *argv).mask_age_limit_ms == limit


def test_a_refused_token_is_not_said(tmp_path: Path) -> None:
    """It is nearly the right one, and logs are read by others."""
    for argv, environ in ((["--token", "geheim 123"], {}), ([], {"ONLYME_TOKEN": "geheim 123"})):
        with pytest.raises(ConfigError) as error:
            read_settings(DisplaySettings, "display", argv, environ, tmp_path / ".env")
        assert "16 to 128 letters" in str(error.value) and "geheim" not in str(error.value)


@pytest.mark.parametrize("web", ["127.0.0.1:1", "localhost:8765", "[::1]:8765", "0.0.0.0:80"])
def test_the_page_is_served_on_an_address(web: str, tmp_path: Path) -> None:
    assert read_settings(DisplaySettings, "display", ["--web", web], {}, tmp_path / ".env").web == web
    for name in ("meeting.example:8765", "127.0.0.1", "127.0.0.1:0", ""):
        with pytest.raises(ConfigError, match="an address or localhost"):
            read_settings(DisplaySettings, "display", ["--web", name], {}, tmp_path / ".env")
