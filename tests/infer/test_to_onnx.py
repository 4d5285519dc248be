from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from common.errors import ModelError
from common.vision.coco import NAMES
from infer.caffe2 import GRAPH_NAME, WEIGHTS_NAME, read_network
from infer.to_onnx import CLASS_IDS, converted, write_onnx
from tests.infer.caffe2_networks import SIDE, add, tiny, write
from tests.shared import MASK_RCNN_2GO


def of(net: Any, output: str) -> Any:
    return next(op for op in net.op if output in op.output)


def arg(net: Any, output: str, name: str) -> Any:
    return next(a for a in of(net, output).arg if a.name == name)


def run(file: Path, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    inputs = {"image": np.zeros((SIDE, SIDE, 3), np.uint8), **inputs}
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, inputs), strict=True))


def test_the_file_returns_what_the_network_detects(tmp_path: Path) -> None:
    write_onnx(write(tmp_path, *tiny()), tmp_path / "tiny.onnx")
    found = run(tmp_path / "tiny.onnx")
    assert found["boxes"] == pytest.approx(np.array([[0, 0, 1, 1]]))
    assert found["scores"] == pytest.approx([1], abs=1e-6)
    assert found["classes"].tolist() == [0]
    assert found["masks"].shape == (1, 4, 4)
    assert found["masks"][0, 1:3, 1:3] == pytest.approx(1, abs=1e-3)
    assert {p.name for p in tmp_path.iterdir()} == {WEIGHTS_NAME, GRAPH_NAME, "tiny.onnx"}


def test_an_empty_detection_is_not_an_error(tmp_path: Path) -> None:
    write_onnx(write(tmp_path, *tiny()), tmp_path / "tiny.onnx")
    found = run(tmp_path / "tiny.onnx", confidence=np.array([1.5], np.float32))
    assert {name: value.shape[0] for name, value in found.items()} == {
        "boxes": 0,
        "scores": 0,
        "classes": 0,
        "masks": 0,
    }


def test_both_limits_are_applied(tmp_path: Path) -> None:
    weights, graph = tiny()
    of(weights, "im_info").arg[1].floats[:2] = [2 * SIDE, 2 * SIDE]  # four anchors that do not overlap
    write_onnx(write(tmp_path, weights, graph), tmp_path / "tiny.onnx")
    image = np.zeros((2 * SIDE, 2 * SIDE, 3), np.uint8)
    for limits, count in (
        ({}, 4),
        ({"detections": 3}, 3),
        ({"proposals": 2}, 2),
        ({"proposals": 3, "detections": 1}, 1),
    ):
        found = run(tmp_path / "tiny.onnx", image=image, **{name: np.array([most]) for name, most in limits.items()})
        assert len(found["scores"]) == len(found["masks"]) == count


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path, *tiny())
    assert converted(read_network(tmp_path)) == converted(read_network(tmp_path))


def test_only_standard_operators_and_real_numbers_are_written(tmp_path: Path) -> None:
    model = onnx.load_model_from_string(converted(read_network(write(tmp_path, *tiny()))))
    assert {node.domain for node in model.graph.node} == {""}
    assert [opset.domain for opset in model.opset_import] == [""]
    assert {c.data_type for c in model.graph.initializer} == {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}


def test_the_classes_are_those_that_coco_has() -> None:
    assert len(CLASS_IDS) == 80
    assert [NAMES[CLASS_IDS[n]] for n in (0, 10, 11, 24, 79)] == [
        "person",
        "fire hydrant",
        "stop sign",
        "backpack",
        "toothbrush",
    ]


FAULTS: dict[str, Callable[[Any, Any], object]] = {
    "an operator of another network": lambda w, g: add(g, "Int8Slice", ["masks"], ["more"]),
    "no constant": lambda w, g: w.op.remove(of(w, "score_w")),
    "fewer values than the shape has": lambda w, g: setattr(arg(w, "mask_w", "values"), "s", b"123"),
    "another shape": lambda w, g: arg(w, "mask_w", "shape").ints.__setitem__(slice(None), [4, 1, 1, 81]),
    "two dimensions": lambda w, g: arg(w, "mask_w", "shape").ints.__setitem__(slice(None), [4, 81]),
    "a negative shape": lambda w, g: arg(w, "mask_w", "shape").ints.__setitem__(slice(None), [-1, 1, 1, -324]),
    "a bias beyond 32 bits": lambda w, g: arg(w, "mask_b", "values").ints.__setitem__(0, 2**40),
    "a zero point beyond 8 bits": lambda w, g: setattr(arg(w, "first_w", "Y_zero_point"), "i", 300),
    "a scale that is no number": lambda w, g: setattr(arg(w, "first_w", "Y_scale"), "f", float("nan")),
    "no scale": lambda w, g: of(w, "first_w").arg.remove(arg(w, "first_w", "Y_scale")),
    "no size of a window": lambda w, g: of(g, "first").arg.remove(arg(g, "first", "kernel")),
    "a constant of another kind": lambda w, g: setattr(of(w, "mask_w"), "type", "Int8GivenFill"),
    "an operator among the constants": lambda w, g: setattr(of(w, "mask_w"), "type", "Copy"),
    "an input that nothing makes": lambda w, g: of(g, "likely").input.__setitem__(0, "elsewhere"),
    "too few inputs": lambda w, g: of(g, "score").input.pop(),
    "no proposals": lambda w, g: g.op.remove(of(g, "rois")),
    "a grid of no size": lambda w, g: setattr(arg(g, "rois", "spatial_scale"), "f", 0.0),
    "a picture of no size": lambda w, g: arg(w, "im_info", "values").floats.__setitem__(slice(None), [0.0, 32.0, 1.0]),
    "a picture of any size": lambda w, g: arg(w, "im_info", "values").floats.__setitem__(slice(None), [1e9, 1e9, 1.0]),
    "no outputs": lambda w, g: g.external_output.__delitem__(slice(None)),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_another_network_is_reported_in_one_line_and_leaves_no_file(fault: str, tmp_path: Path) -> None:
    weights, graph = tiny()
    FAULTS[fault](weights, graph)
    with pytest.raises(ModelError, match="expected") as error:
        write_onnx(write(tmp_path, weights, graph), tmp_path / "tiny.onnx")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
    assert {p.name for p in tmp_path.iterdir()} == {WEIGHTS_NAME, GRAPH_NAME}


@pytest.mark.parametrize("name", [WEIGHTS_NAME, GRAPH_NAME])
@pytest.mark.parametrize("data", [None, b"", b"no network", b"\n" * 100, b"\x12\x06\x12\x01x\x22\x01\xff", "cut"])
def test_a_damaged_file_is_reported_in_one_line(name: str, data: bytes | str | None, tmp_path: Path) -> None:
    write(tmp_path, *tiny())
    path = tmp_path / name
    if data is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-7] if isinstance(data, str) else data)
    with pytest.raises(ModelError, match=f"{name}.*expected") as error:
        write_onnx(tmp_path, tmp_path / "tiny.onnx")
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_written_is_reported_in_one_line(tmp_path: Path) -> None:
    write(tmp_path, *tiny())
    with pytest.raises(ModelError, match="expected to write"):
        write_onnx(tmp_path, tmp_path / "none" / "tiny.onnx")


def test_an_existing_file_is_replaced_whole_or_kept(tmp_path: Path) -> None:
    into = tmp_path / "tiny.onnx"
    into.write_text("old")
    weights, graph = tiny()
    add(graph, "Int8Slice", ["masks"], ["more"])
    with pytest.raises(ModelError):
        write_onnx(write(tmp_path, weights, graph), into)
    assert into.read_text() == "old"
    write_onnx(write(tmp_path, *tiny()), into)
    assert len(into.read_bytes()) > 1000


@pytest.mark.model
def test_the_real_network_is_written_whole(tmp_path: Path) -> None:
    into = tmp_path / "model.onnx"
    write_onnx(MASK_RCNN_2GO, into)
    assert 13_000_000 < into.stat().st_size < 16_000_000
    first = into.read_bytes()
    write_onnx(MASK_RCNN_2GO, into)
    assert into.read_bytes() == first


@pytest.mark.model
@pytest.mark.parametrize("name", [WEIGHTS_NAME, GRAPH_NAME])
def test_the_real_network_cut_off_is_refused(name: str, tmp_path: Path) -> None:
    for path in (WEIGHTS_NAME, GRAPH_NAME):
        data = (MASK_RCNN_2GO / path).read_bytes()
        (tmp_path / path).write_bytes(data[: len(data) * 2 // 3] if path == name else data)
    with pytest.raises(ModelError, match="expected"):
        write_onnx(tmp_path, tmp_path / "model.onnx")
