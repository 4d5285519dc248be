"""The image and its services name what there is, and take nothing private with them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

from common.settings.base import variable_of
from common.stages import all_settings
from tests.shared import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
PAGE = (ROOT / "docs/containers.md").read_text()


def ignored(folder: Path, names: list[str]) -> set[str]:
    """Return which files .dockerignore keeps out of the image. Its patterns mean the same to git, but for a leading **/."""
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    (folder / ".gitignore").write_text((ROOT / ".dockerignore").read_text())
    command = ["git", "-C", str(folder), "check-ignore", "--no-index", *names]
    return set(subprocess.run(command, capture_output=True, text=True, check=False).stdout.split())


def test_secrets_and_what_this_machine_made_stay_outside(tmp_path: Path) -> None:
    kept = ["Procfile", "requirements.txt", "common/setup.py", "mask-rcnn-coco/object_detection_classes_coco.txt"]
    left = [".env", ".git/config", ".venv/bin/python", "mask-rcnn-coco/model.onnx", "capture/__pycache__/loop.pyc"]
    assert ignored(tmp_path, kept + left) == set(left)
    assert all((ROOT / name).exists() for name in kept)


def test_every_setting_that_is_named_is_one() -> None:
    settings = {variable_of(f) for kind in all_settings().values() for f in kind.__dataclass_fields__}
    named = set(re.findall(r"ONLYME_\w+", DOCKERFILE + PAGE + (ROOT / "compose.yaml").read_text()))
    assert {"ONLYME_SOURCE", "ONLYME_TOKEN", "ONLYME_WEB"} <= named <= settings


def test_the_page_is_published_on_its_own_port_and_to_this_machine_alone() -> None:
    assert re.findall(r"ONLYME_WEB=0\.0\.0\.0:(\d+)", DOCKERFILE) == re.findall(r"EXPOSE (\d+)", DOCKERFILE) == ["8765"]
    assert {port for service in COMPOSE["services"].values() for port in service["ports"]} == {"127.0.0.1:8765:8765"}


def test_the_services_pass_what_the_page_says() -> None:
    camera, stream = COMPOSE["services"]["camera"], COMPOSE["services"]["stream"]
    for service in (camera, stream):
        assert service["shm_size"] == "512mb" and "--shm-size 512m" in PAGE
        assert service["init"] is True and service["cap_drop"] == ["ALL"]
    assert camera["devices"] == ["/dev/video0:/dev/video0"] and "devices" not in stream
