"""What the stages are given: the user's settings, but nothing of a live call."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from common.errors import ConfigError
from common.redaction.key import OF_RESULTS, output_key, results_key
from common.redaction.settings import FIXED, PROG, STAGE_OF, STAGES, declared, resolve, stage_variables, without_ours
from common.settings.base import Settings
from common.settings.loader import read_settings
from common.stages import settings_of
from compose.settings import ComposeSettings

# settings of a live call that reach no stage of a redaction, or that a redaction gives itself
OF_THE_RUN = {"source", "results", "judgements", "out", "run_dir", "log_level"}
OF_A_LIVE_CALL = {
    "width",
    "height",
    "fps",
    "play",
    "list_",
    "web",
    "token",
    "key",
    "camera",
    "camera_name",
    "images",
    "status_every",
    "open_page",
}


def test_every_setting_of_the_stages_is_given_fixed_or_of_no_use() -> None:
    names = {each.name for stage in STAGES for each in fields(settings_of(stage))}
    assert names == {*STAGE_OF, *FIXED, *OF_THE_RUN, *OF_A_LIVE_CALL}
    assert len(STAGE_OF.keys() & FIXED.keys()) == 0


def test_all_that_infer_reads_is_in_the_key_of_results() -> None:
    names = {each.name for each in fields(settings_of("infer"))} - {each.name for each in fields(Settings)}
    by_content, without_effect = {"mask_rcnn"}, FIXED.keys()
    assert names - by_content - without_effect == set(OF_RESULTS) - {"look_every"}


def test_flags_come_before_the_environment_and_that_before_dotenv(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("ONLYME_CONFIDENCE=0.1\nONLYME_THRESHOLD=0.1\nONLYME_EDGE=hard\nONLYME_SINK=camera\n")
    environ = {"ONLYME_CONFIDENCE": "0.2", "ONLYME_THRESHOLD": "0.2", "ONLYME_SECONDS": "3"}
    found = resolve({"confidence": 0.3, "edge": None}, environ, dotenv)
    assert (found["confidence"], found["threshold"], found["edge"]) == ("0.3", "0.2", "hard")
    assert found["subject"] == str(declared()["subject"].default)
    variables = stage_variables(found, {"source": tmp_path / "a b.mp4"})
    assert (variables["ONLYME_SINK"], variables["ONLYME_SECONDS"], variables["ONLYME_PACE"]) == ("video", "0", "every")
    assert variables["ONLYME_SOURCE"] == f"{tmp_path}/a b.mp4"
    assert without_ours({"ONLYME_SINK": "camera", "HOME": "/"}) == {"HOME": "/"}


def test_how_dotenv_has_a_live_call_look_reaches_no_recording(tmp_path: Path) -> None:
    """Stages read it too: nothing of a film may depend on the folder or the machine it is made in."""
    dotenv = tmp_path / ".env"
    dotenv.write_text("ONLYME_BLUR=5\nONLYME_FEATHER=12\nONLYME_MARGIN=4\nONLYME_HIDE=people\n")
    stage = read_settings(ComposeSettings, PROG, [], stage_variables(resolve({}, {}, dotenv), {}), dotenv)
    assert (stage.blur, stage.feather, stage.margin, stage.hide) == (0, 0, 0, "room")


def test_a_misspelt_variable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ONLYME_KERNAL: no such setting"):
        resolve({}, {"ONLYME_KERNAL": "3"}, tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "text", "means"),
    [
        ("mask_rcnn", "none", "none"),
        ("mask_rcnn", "model", "{here}/model"),
        ("mask_rcnn", Path("/model"), "/model"),
        ("background", "image:room.png", "image:{here}/room.png"),
        ("background", "color:00ff00", "color:00ff00"),
        ("keep", ("dog", "cell phone"), "dog,cell phone"),
    ],
)
def test_a_path_means_the_same_in_every_folder(
    name: str, text: object, means: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve({name: text}, {}, tmp_path / "none")[name] == means.format(here=tmp_path)


def test_keys_differ_where_the_output_may(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "not-fetched.txt").write_text("no network")
    base = resolve({"mask_rcnn": model}, {}, tmp_path / "none")
    source = "0" * 64
    assert results_key(source, base) == results_key(source, dict(reversed(base.items())))
    keys = [results_key("1" * 64, base), *(results_key(source, {**base, name: "x"}) for name in OF_RESULTS)]
    others = [
        results_key(source, {**base, "background": "color:000000"}),
        results_key(source, {**base, "subject": "all"}),
    ]
    assert results_key(source, base) not in keys
    assert len(set(keys)) == len(keys)
    assert others == [results_key(source, base)] * 2
    assert output_key(source, base) != output_key(source, {**base, "background": "color:000000"})
    before = output_key(source, base)
    (model / "not-fetched.txt").write_text("still none")
    assert output_key(source, base) == before
    (model / "model.onnx").write_bytes(b"weights")
    assert output_key(source, base) != before
    moved = tmp_path / "elsewhere"
    after = output_key(source, base)
    model.rename(moved)
    assert output_key(source, {**base, "mask_rcnn": str(moved)}) == after, "the same files in another folder"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"point": "0.5,0.5", "subject": "none"}, "--point: expected --subject lock beside it, got none"),
        ({"point": "0.5,0.5", "subject": "all"}, "--point: expected --subject lock beside it, got all"),
        ({"at": "1"}, "--at: expected --point X,Y beside it, got none"),
    ],
)
def test_who_stays_sharp_is_said_once_and_whole(given: dict[str, object], says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        resolve(given, {}, tmp_path / "no-dotenv")
    assert says in str(refused.value) and "\n" not in str(refused.value)
