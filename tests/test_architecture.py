"""The rules of the house, executed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from common import errors
from common.config import SCHEMAS, flag_of, variable_of
from common.ipc.streams import STREAMS
from tests.shared import ROOT

STAGE_NAMES = ("capture", "infer", "compose", "display")
SOURCES = sorted(p for stage in (*STAGE_NAMES, "common") for p in (ROOT / stage).glob("**/*.py"))
# what may be used only where: dotted name → files
ROOMS = {
    "cv2.VideoCapture": {"capture/sources.py", "compose/picture/background.py"},
    "cv2.dnn": {"infer/mask_rcnn.py"},
    "ai_edge_litert.interpreter": {"common/vision/litert.py"},
    "cv2.imshow": {"display/sinks/window.py"},
    "cv2.namedWindow": {"display/sinks/window.py"},
    "os.environ": {"common/runtime/environment.py"},
    "signal.signal": {"common/runtime/supervisor.py", "common/runtime/child.py"},
    "os.fork": {"common/runtime/supervisor.py"},  # whose process has one thread
    "zmq.Context": {"common/ipc/streams.py"},
}
ENTRY_POINTS = {
    "common/runtime/supervisor.py",
    "common/vision/assets.py",
    "common/setup.py",
    "common/doctor.py",
    "common/keys.py",
    "infer/fetch.py",
    "infer/first_start.py",
}  # may sys.exit


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_stage_imports_itself_and_common_only(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    forbidden = {*STAGE_NAMES, "tests"} - {own}
    assert {name for name in imported(path) if name.split(".")[0] in forbidden} == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_one_room_per_thing(path: Path) -> None:
    here = str(path.relative_to(ROOT))
    used = {dotted(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    used |= imported(path)
    assert {name for name, rooms in ROOMS.items() if name in used and here not in rooms} == set()
    assert "sys.exit" not in used or here in ENTRY_POINTS
    assert "pickle" not in imported(path)


def test_the_rules_can_fail(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import compose.loop\nimport cv2\ncv2.imshow('x', y)\n")
    assert "compose.loop" in imported(wrong)
    assert "cv2.imshow" in {dotted(n) for n in ast.walk(ast.parse(wrong.read_text())) if isinstance(n, ast.Attribute)}


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_the_loop_of_every_stage_is_one_screen(stage: str) -> None:
    tree = ast.parse((ROOT / stage / "loop.py").read_text())
    run = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "run")
    assert run.end_lineno is not None
    assert run.end_lineno - run.lineno < 50


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        # a parent only watches
        (
            "common.runtime.supervisor",
            {"common.config", "argparse", "numpy", "cv2", "zmq", "tempfile", "typing", "pathlib", "logging"},
        ),
        ("display.relay.loop", {"numpy", "cv2", "zmq"}),  # nor does a relay without an address relay
        ("display.loop", {"asyncio", "ssl"}),  # which come with keys
        ("infer.detector", {"onnxruntime", "onnx"}),  # which come with an .onnx, and with making one
        ("infer.onnx_mask_rcnn", {"onnx"}),
    ],
)
def test_nobody_loads_what_it_does_not_need(module: str, unwanted: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert module in loaded.split()
    assert unwanted & set(loaded.split()) == set()


def test_the_procfile_runs_every_stage_with_exec() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    assert lines == [
        *(f"{stage}: exec python -m {stage}" for stage in STAGE_NAMES), "relay: exec python -m display.relay",
    ]  # fmt: skip


def test_top_level_folders_are_fixed() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    folders = {path.split("/")[0] for path in tracked if "/" in path and not path.startswith(".")}
    assert folders == {*STAGE_NAMES, "common", "mask-rcnn-coco", "tests"}
    assert [p for p in tracked if (ROOT / p).is_file() and (ROOT / p).stat().st_size > 400_000] == []
    assert [p for p in tracked if p.endswith((".pb", ".pbtxt", ".tflite", ".mkv", ".mp4"))] == []


def test_every_setting_stands_in_the_example_and_in_the_readme() -> None:
    example, readme = (ROOT / ".env.example").read_text(), (ROOT / "README.md").read_text()
    names = {f.name for kind in SCHEMAS.values() for f in fields(kind)}
    assert {n for n in names if f"{variable_of(n)}=" not in example} == set()
    assert {n for n in names if f"`{flag_of(n)}`" not in readme} == set()
    assert set(re.findall(r"^#? ?(ONLYME_\w+)=", example, re.MULTILINE)) == {variable_of(n) for n in names}


def test_every_stream_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [s.name for s in STREAMS if f"| {s.name} |" not in readme] == []


def test_every_error_stands_in_the_tree() -> None:
    classes = {n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, Exception)}
    assert errors.__doc__ is not None
    assert {n for n in classes if not re.search(rf"\b{n}\b", errors.__doc__)} == set()
