from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from common.errors import ConfigError, DeviceError, ModelError
from common.ipc.records import Instance
from infer import device_choice, onnx_mask_rcnn, onnx_session
from infer.detector import open_detector, open_mask_rcnn
from infer.device_choice import open_on_best_device
from infer.devices import PROVIDERS, available, candidates
from infer.onnx_mask_rcnn import OnnxMaskRcnn
from infer.settings import InferSettings
from infer.to_onnx import write_onnx
from tests.infer.caffe2_networks import SIDE, tiny, write
from tests.shared import FOOTAGE, MASK_RCNN, MASK_RCNN_2GO

GREY = np.full((48, 64, 3), 127, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a tiny Mask R-CNN that sees one person in every picture."""
    source, folder = tmp_path / "source", tmp_path / "model"
    source.mkdir()
    folder.mkdir()
    write_onnx(write(source, *tiny()), folder / "tiny.onnx")
    return folder


@pytest.fixture
def real(tmp_path: Path) -> Path:
    write_onnx(MASK_RCNN_2GO, tmp_path / "model.onnx")
    return tmp_path


def settings(folder: Path, device: str = "cpu", **others: Any) -> InferSettings:
    return InferSettings(mask_rcnn=folder, device=device, **others)


def saying(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "onlyme"]


def test_a_person_is_found_and_the_log_says_how_long_an_inference_takes(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    network = open_mask_rcnn(settings(folder, device="auto"))
    assert [
        line.endswith("ms on cpu; cpu is used") for line in saying(caplog) if line.startswith("an inference takes")
    ] == [True]
    assert network.model == "Mask R-CNN of model/tiny.onnx"
    assert network.least_wh == (SIDE, SIDE)
    (person,) = network.detect(GREY)
    assert (person.class_id, person.box_xyxy) == (0, (0, 0, 1, 1))
    assert person.score == pytest.approx(1)


@pytest.mark.parametrize(("confidence", "found"), [(0.5, 0), (0.1, 1), (0.0, 1)])
def test_a_lower_confidence_finds_more(confidence: float, found: int, tmp_path: Path) -> None:
    weights, graph = tiny()
    next(a for op in weights.op if "score_b" in op.output for a in op.arg if a.name == "values").ints[1] = 12
    write_onnx(write(tmp_path, weights, graph), tmp_path / "tiny.onnx")  # e³ / (e³ + 80): 0.2
    instances = open_mask_rcnn(settings(tmp_path, confidence=confidence)).detect(GREY)
    assert [i.class_id for i in instances if i.score > 0.1] == [0] * found


def test_an_inference_uses_as_many_threads_as_opencv(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    real_open = onnx_session.open_session

    def counted(file: Path, device: str, threads: int) -> object:
        opened.append(threads)
        return real_open(file, device, threads)

    monkeypatch.setattr(onnx_mask_rcnn, "open_session", counted)
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        network = OnnxMaskRcnn(folder / "tiny.onnx", "cpu", settings(folder))
        for threads in (1, 2, 2, 1):
            cv2.setNumThreads(threads)
            network.detect(GREY)
    finally:
        cv2.setNumThreads(before)
    assert opened == [1, 2, 1]


def test_in_a_folder_with_both_kinds_the_onnx_is_used_and_the_log_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (folder / "frozen.pb").write_bytes(b"not looked at")
    assert "tiny.onnx" in open_mask_rcnn(settings(folder)).model
    assert any("frozen.pb" in line and "the .onnx is used" in line for line in saying(caplog))


def test_none_is_the_embedded_detector(caplog: pytest.LogCaptureFixture) -> None:
    assert "embedded" in open_detector(InferSettings(mask_rcnn=Path("none"))).model


def test_a_device_needs_an_onnx() -> None:
    with pytest.raises(ConfigError, match=r"--device cuda: expected auto or cpu for the embedded detector"):
        open_detector(InferSettings(mask_rcnn=Path("none"), device="cuda"))


@pytest.mark.model
def test_a_device_is_not_for_cv2_dnn() -> None:
    with pytest.raises(ConfigError, match=r"--device cuda: expected auto or cpu for a \.pb"):
        open_detector(InferSettings(mask_rcnn=MASK_RCNN, device="cuda"))


@pytest.mark.parametrize("device", ["coreml", "directml"])
def test_a_missing_device_is_refused_with_a_list_of_the_available_ones(device: str, folder: Path) -> None:
    assert "cpu" in available() and device not in available()
    with pytest.raises(ConfigError, match=rf"--device {device}: expected .*\(auto, .*cpu\)"):
        open_detector(settings(folder, device=device))


def test_auto_skips_devices_that_take_minutes_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: list(PROVIDERS.values()))
    assert candidates("auto") == ["cuda", "coreml", "directml", "openvino", "cpu"]
    assert candidates("tensorrt") == ["tensorrt"]


class FakeNetwork:
    """Stands for OnnxMaskRcnn on devices that are not here."""

    inference_ms: ClassVar = {"cuda": 5.0, "openvino": 50.0, "cpu": 30.0}
    broken: ClassVar[dict[str, str]] = {}

    def __init__(self, file: Path, device: str, settings: InferSettings) -> None:
        if device in self.broken:
            raise DeviceError(self.broken[device])
        self.device = device

    def detect(self, picture: np.ndarray) -> tuple[Instance, ...]:
        return ()


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> type[FakeNetwork]:
    names = ["cuda", "openvino", "cpu"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [PROVIDERS[name] for name in names])
    monkeypatch.setattr(device_choice, "OnnxMaskRcnn", FakeNetwork)
    monkeypatch.setattr(device_choice, "inference_ms", lambda detect: FakeNetwork.inference_ms[detect.__self__.device])
    monkeypatch.setattr(FakeNetwork, "broken", {})
    return FakeNetwork


def test_the_fastest_device_is_used_and_all_are_logged(
    devices: type[FakeNetwork], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert open_on_best_device(folder / "tiny.onnx", settings(folder, device="auto")).device == "cuda"
    assert "an inference takes 5 ms on cuda, 50 ms on openvino, 30 ms on cpu; cuda is used" in saying(caplog)


def test_a_device_that_cannot_be_used_is_skipped_and_logged(
    devices: type[FakeNetwork], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    devices.broken = {"cuda": "no driver"}
    assert open_on_best_device(folder / "tiny.onnx", settings(folder, device="auto")).device == "cpu"
    assert "cuda is not used: no driver" in saying(caplog)
    with pytest.raises(ConfigError, match=r"--device cuda: expected that it runs .*: no driver"):
        open_on_best_device(folder / "tiny.onnx", settings(folder, device="cuda"))


def test_a_device_that_fails_later_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = OnnxMaskRcnn(folder / "tiny.onnx", "cpu", settings(folder))
    assert network.detect(GREY)

    class Failing:
        def run(self, *args: object) -> None:
            raise RuntimeError("CUDA failure 719:\n unspecified launch failure")

    monkeypatch.setattr(network, "_session", Failing)
    with pytest.raises(DeviceError, match="cpu has failed: CUDA failure 719: unspecified launch failure"):
        network.detect(GREY)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_was_not_loaded_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS, "cpu", "CUDAExecutionProvider")  # whose library this build has not
    with pytest.raises(DeviceError):
        onnx_session.open_session(folder / "tiny.onnx", "cpu", 1)


def graph_of(
    nodes: list[onnx.NodeProto],
    outputs: Mapping[str, int],
    shape: list[str | int | None],
    kind: int = TensorProto.UINT8,
) -> bytes:
    """A file whose input is `image`."""
    image = helper.make_tensor_value_info("image", kind, shape)
    given = [helper.make_tensor_value_info(name, element, None) for name, element in outputs.items()]
    graph = helper.make_graph(nodes, "other", [image], given)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    return bytes(model.SerializeToString())


FLOATS = {
    "boxes": TensorProto.FLOAT,
    "scores": TensorProto.FLOAT,
    "classes": TensorProto.INT64,
    "masks": TensorProto.FLOAT,
}
SAME = [helper.make_node("Cast", ["image"], [name], to=kind) for name, kind in FLOATS.items()]
OUTSIDE = b"0123456789abcdef"


def with_data_outside(tmp_path: Path) -> bytes:
    """A tiny Mask R-CNN one of whose constants lies in a file above the model's folder."""
    (tmp_path / "outside.bin").write_bytes(OUTSIDE)
    model = onnx.load(tmp_path / "model" / "tiny.onnx")
    constant = next(c for c in model.graph.initializer if c.name == "first_b")
    constant.ClearField("raw_data")
    constant.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../outside.bin"), ("offset", "0"), ("length", "16")):
        constant.external_data.add(key=key, value=value)
    return bytes(model.SerializeToString())


DAMAGED: dict[str, Callable[[bytes, Path], bytes]] = {
    "empty": lambda data, folder: b"",
    "no ONNX": lambda data, folder: b"\x00garbage" * 100,
    "cut off": lambda data, folder: data[: len(data) // 2],
    "another network": lambda data, folder: graph_of([helper.make_node("Identity", ["image"], ["y"])], {"y": 2}, ["h", "w", 3]),
    "another type of pictures": lambda data, folder: graph_of(SAME, FLOATS, ["h", "w", 3], TensorProto.FLOAT),
    "another shape of pictures": lambda data, folder: graph_of(SAME, FLOATS, ["h", "w", 1]),
    "pictures of any size": lambda data, folder: graph_of(SAME, FLOATS, [1 << 20, 1 << 20, 3]),
    "outputs of other shapes": lambda data, folder: graph_of(SAME, FLOATS, ["h", "w", 3]),
    "an operator that nobody knows": lambda data, folder: graph_of([helper.make_node("Nonsense", ["image"], list(FLOATS))], FLOATS, [9, 9, 3]),
    "data outside the folder": lambda data, folder: with_data_outside(folder.parent),
}  # fmt: skip


@pytest.mark.parametrize("fault", DAMAGED)
def test_a_damaged_or_foreign_file_is_reported_in_one_line(fault: str, folder: Path) -> None:
    file = folder / "tiny.onnx"
    file.write_bytes(DAMAGED[fault](file.read_bytes(), folder))
    with pytest.raises(ModelError, match=r"tiny\.onnx") as error:
        open_detector(settings(folder))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


def test_a_file_that_is_too_large_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_mask_rcnn, "MOST_BYTES", 1000)
    with pytest.raises(ModelError, match="expected at most"):
        open_detector(settings(folder))


def test_two_onnx_files_in_a_folder_are_refused(folder: Path) -> None:
    (folder / "other.onnx").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"exactly one \.onnx, got 2"):
        open_detector(settings(folder))


@pytest.mark.model
def test_the_real_network_finds_people_and_things(real: Path) -> None:
    network = open_mask_rcnn(settings(real))
    picture = np.asarray(cv2.imread(str(FOOTAGE / "coco-still/000000000785.jpg")), np.uint8)
    found = network.detect(picture)
    assert found[0].class_id == 0 and found[0].score > 0.9
    assert any(i.class_id == 34 for i in found), "skis: other classes are reported too"
    assert network.detect(np.zeros_like(picture)) == ()


@pytest.mark.model
def test_both_limits_are_respected(real: Path) -> None:
    picture = np.asarray(cv2.imread(str(FOOTAGE / "davis2016/dance-twirl/frames/00030.jpg")), np.uint8)
    few, many = (open_mask_rcnn(settings(real, detections=n)) for n in (2, 0))
    assert len(few.detect(picture)) == 2 < len(many.detect(picture))
    narrow = open_mask_rcnn(settings(real, proposals=1))
    assert len(narrow.detect(picture)) <= 1
