"""The rules of the house, executed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from common import errors
from common.ipc import streams
from common.ipc.messages import Message
from common.ipc.streams import METRICS, STREAMS, SocketStream
from common.metrics import metrics as metrics_module
from common.metrics.metrics import FOLDER
from tests.shared import ROOT

STAGE_NAMES = ("capture", "infer", "compose", "display")
SOURCES = sorted(p for stage in (*STAGE_NAMES, "common") for p in (ROOT / stage).glob("**/*.py"))
# what may be used only where: dotted name → files
ROOMS = {
    "cv2.VideoCapture": {"capture/sources/live.py", "compose/picture/background.py"},
    "av": {
        "capture/sources/container.py",
        "common/redaction/files.py",
        "common/redaction/thumbnails.py",
        "display/film/containers.py",
        "display/film/original.py",
        "display/film/writer.py",
        "display/sinks/video.py",
    },
    "cv2.dnn": {"infer/mask_rcnn.py"},
    # whose package has it loaded without telemetry
    "onnxruntime": {"infer/checks.py", "infer/devices.py", "infer/onnx_mask_rcnn.py", "infer/onnx_session.py"},
    "ai_edge_litert.interpreter": {"common/vision/litert.py"},
    "cv2.imshow": {"display/sinks/window.py"},
    "cv2.namedWindow": {"display/sinks/window.py"},
    "os.environ": {"common/runtime/environment.py"},
    "signal.signal": {"common/runtime/supervisor.py", "common/runtime/child.py", "common/redaction/command.py"},
    "os.fork": {"common/runtime/supervisor.py"},  # whose process has one thread
    "zmq.Context": {"common/ipc/streams.py"},
    # channels between processes, which are rows of STREAMS
    "context.socket": {"common/ipc/streams.py"},
    "mmap.mmap": {"common/ipc/shm.py", "common/runtime/heartbeat.py"},
}
ENTRY_POINTS = {
    "common/runtime/supervisor.py",
    "common/vision/assets.py",
    "common/command.py",
    "common/service.py",
    "common/redaction/command.py",
    "common/setup.py",
    "common/doctor.py",
    "display/meeting.py",
    "display/relay/keyring.py",
    "infer/fetch.py",
    "infer/first_start.py",
}  # may sys.exit


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(text: str) -> set[str]:
    """Return the modules that a module imports, anywhere in its text; `from package import name` may import `package.name`."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def import_graph(sources: dict[str, str]) -> dict[str, set[str]]:
    """Return which of the modules each module imports; `sources` holds their texts by dotted name."""
    return {module: imported(text) & sources.keys() - {module} for module, text in sources.items()}


def on_a_circle(graph: dict[str, set[str]]) -> set[str]:
    """Return the modules that import each other in a circle, or lie between two circles.

    A module that imports no other, or that no other imports, is on no circle and is taken away, until none is left to take.
    """
    left = {module: set(imports) for module, imports in graph.items()}
    while True:
        imports_of_others = set().union(*left.values())
        ends = {module for module, imports in left.items() if not imports or module not in imports_of_others}
        if not ends:
            return set(left)
        left = {module: imports - ends for module, imports in left.items() if module not in ends}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_stage_imports_itself_and_common_only(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    forbidden = {*STAGE_NAMES, "tests"} - {own}
    assert {name for name in imported(path.read_text()) if name.split(".")[0] in forbidden} == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_one_room_per_thing(path: Path) -> None:
    here = str(path.relative_to(ROOT))
    used = {dotted(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    used |= imported(path.read_text())
    assert {name for name, rooms in ROOMS.items() if name in used and here not in rooms} == set()
    assert "sys.exit" not in used or here in ENTRY_POINTS
    assert "pickle" not in used


def imports_factory(sinks: Path) -> list[str]:
    """Names of the files in a folder of sinks that import the factory, which imports all of them."""
    return [p.name for p in sorted(sinks.glob("*.py")) if "display.sinks.factory" in imported(p.read_text())]


def test_no_sink_imports_the_factory() -> None:
    assert len(list((ROOT / "display/sinks").glob("*.py"))) > 7
    assert imports_factory(ROOT / "display/sinks") == []


@pytest.mark.parametrize(
    "line", ["from display.sinks.factory import open_sink", "import display.sinks.factory", "from display.sinks import factory"]
)  # fmt: skip
def test_a_sink_that_imports_the_factory_is_found(line: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(f"def show() -> None:\n    {line}\n")
    (tmp_path / "right.py").write_text("from display.sinks.sink import Sink\n")
    assert imports_factory(tmp_path) == ["wrong.py"]


def test_the_rules_can_fail() -> None:
    wrong = "import compose.loop\nimport cv2\ncv2.imshow('x', y)\n"
    assert "compose.loop" in imported(wrong)
    assert "cv2.imshow" in {dotted(n) for n in ast.walk(ast.parse(wrong)) if isinstance(n, ast.Attribute)}


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = import_graph({module_of(path): path.read_text() for path in SOURCES})
    assert "common.errors" in graph["common.settings.loader"], "imports are found"
    assert on_a_circle(graph) == set()


@pytest.mark.parametrize(
    ("sources", "circle"),
    [
        ({"a": "import b", "b": "import c", "c": ""}, set()),
        ({"a": "import b", "b": "from a import x"}, {"a", "b"}),
        (
            {"a": "import p.b", "p.b": "def f():\n    from p import c", "p.c": "import a", "d": "import a"},
            {"a", "p.b", "p.c"},
        ),
        ({"a": "if TYPE_CHECKING:\n    import b", "b": "import a", "c": "import b"}, {"a", "b"}),
    ],
)
def test_a_circle_is_found(sources: dict[str, str], circle: set[str]) -> None:
    assert on_a_circle(import_graph(sources)) == circle


def test_shapes_of_arrays_are_named_in_one_place() -> None:
    alias = re.compile(r"^\w+ = NDArray\[np\.uint8\]", re.MULTILINE)
    named = {str(path.relative_to(ROOT)) for path in SOURCES if alias.search(path.read_text())}
    assert named == {"common/vision/arrays.py"}


LOOPS = [
    *((f"{stage}/loop.py", "run_live") for stage in STAGE_NAMES),
    ("capture/every/loop.py", "run"), ("infer/every.py", "run"), ("compose/every/loop.py", "run"), ("display/every.py", "run"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "name"), LOOPS)
def test_every_loop_is_one_screen(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    run = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    assert run.end_lineno is not None
    assert run.end_lineno - run.lineno < 50


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        # they start threads, and a process with threads cannot fork
        ("common.runtime.supervisor", {"numpy", "cv2", "zmq"}),
        ("display.relay.loop", {"numpy", "cv2", "zmq"}),  # a call without a relay would take 30 MB more
        ("infer.detector", {"onnxruntime", "onnx"}),  # which come with an .onnx, and with making one
        ("infer.onnx_mask_rcnn", {"onnx"}),
    ],
)
def test_nobody_loads_what_it_does_not_need(module: str, unwanted: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert module in loaded.split()
    assert unwanted & set(loaded.split()) == set()


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_every_stage_begins_with_the_same_file(stage: str) -> None:
    begins = f'from common.runtime.supervisor import launch\n\nlaunch("{stage}")\n'
    assert (ROOT / stage / "__main__.py").read_text() == begins


def test_the_procfile_runs_every_stage_with_exec() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    assert lines == [
        *(f"{stage}: exec python -m {stage}" for stage in STAGE_NAMES), "relay: exec python -m display.relay",
    ]  # fmt: skip


def test_top_level_folders_are_fixed() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    folders = {path.split("/")[0] for path in tracked if "/" in path and not path.startswith(".")}
    assert folders == {*STAGE_NAMES, "common", "docs", "mask-rcnn-coco", "tests"}
    assert [p for p in tracked if (ROOT / p).is_file() and (ROOT / p).stat().st_size > 400_000] == []
    assert [p for p in tracked if p.endswith((".pb", ".pbtxt", ".tflite", ".mkv", ".mp4"))] == []


def test_every_message_travels_on_a_stream() -> None:
    travelling = {message for stream in STREAMS if isinstance(stream, SocketStream) for message in stream.contents}
    assert travelling == set(get_args(Message))


def test_files_and_sockets_are_named_as_in_the_table() -> None:
    assert len({stream.name for stream in STREAMS}) == len(STREAMS)
    assert METRICS.name == FOLDER


def test_every_error_stands_in_the_tree() -> None:
    classes = {n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, Exception)}
    assert errors.__doc__ is not None
    assert {n for n in classes if not re.search(rf"\b{n}\b", errors.__doc__)} == set()


def test_every_metric_that_is_written_is_declared_and_the_other_way_round() -> None:
    """A sample of another name is dropped where it is read, and nobody notices."""
    call = re.compile(r"metrics\.(?:count|set|observe)\(\s*\"(\w+)\"|self\.set\(\"(\w+)\"")
    written = {found[1] or found[2] for path in SOURCES for found in call.finditer(path.read_text())}
    assert written == set(metrics_module.METRICS)


def test_each_stream_is_bound_by_the_process_that_the_table_names() -> None:
    table = {name: stream.binder for name, stream in vars(streams).items() if isinstance(stream, SocketStream)}
    found = {
        name: path.relative_to(ROOT).parts[0]
        for path in SOURCES
        for name in re.findall(r"bind\(context, ([A-Z_]+),", path.read_text())
    }
    assert found == {name: binder for name, binder in table.items() if binder != "relay"}
