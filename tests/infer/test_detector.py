from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.demo import DemoScene
from common.errors import AssetError, ModelError
from common.vision.coco import NAMES
from common.vision.pyramid import ImagePyramid
from infer.detector import open_detector
from infer.embedded.detector import EmbeddedDetector
from infer.loop import least_size, threads_per_worker
from infer.mask_rcnn import MaskRcnn
from infer.model_folder import models_in
from infer.settings import InferSettings
from infer.static_scene import CELLS_WH
from tests.shared import FOOTAGE, MASK_RCNN


def test_a_folder_that_cannot_be_read_is_reported_in_one_line(tmp_path: Path) -> None:
    """It was a traceback, five restarts and exit code 1."""
    with pytest.raises(
        ModelError, match=r"--mask-rcnn: expected a path that can be read, got .* \(File name too long\)"
    ):
        open_detector(InferSettings(mask_rcnn=tmp_path / ("x" * 300)))


@pytest.mark.model
def test_the_minimum_size_is_enough_for_the_network() -> None:
    picture = DemoScene(1280, 720, 30).frame(60)
    detector = MaskRcnn(InferSettings(mask_rcnn=MASK_RCNN))
    reduced = ImagePyramid(picture).smallest_at_least(*detector.least_wh)
    assert reduced.shape == (360, 640, 3)
    assert detector.detect(reduced) == detector.detect(picture)
    narrow = MaskRcnn(InferSettings(mask_rcnn=MASK_RCNN, infer_width=64))
    assert least_size(narrow) == CELLS_WH, "thumbnails need more"


def test_without_weights_the_default_is_the_embedded_detector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = InferSettings()
    if not models_in(settings.mask_rcnn):
        assert isinstance(open_detector(settings), EmbeddedDetector)
    with pytest.raises(ModelError, match="exactly one"):  # but a folder that was named must be right
        open_detector(InferSettings(mask_rcnn=tmp_path))


def test_threads_are_shared_among_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infer.loop.available_cores", lambda: 8)
    assert [threads_per_worker(n) for n in (0, 1, 2, 3, 100)] == [8, 8, 4, 2, 1]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(MASK_RCNN, folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    return folder


@pytest.mark.model
@pytest.mark.parametrize(
    "fault", ["no weights", "truncated", "empty", "other graph", "no graph", "classes short", "no classes"]
)
def test_a_damaged_model_is_reported_in_one_line(model: Path, fault: str) -> None:
    weights, graph = next(model.glob("*.pb")), next(model.glob("*.pbtxt"))
    classes = model / "object_detection_classes_coco.txt"
    match fault:
        case "no weights":
            weights.unlink()
        case "truncated":
            weights.write_bytes(weights.read_bytes()[:5_000_000])
        case "empty":
            weights.write_bytes(b"")
        case "other graph":
            graph.write_text('node {\n  name: "x"\n  op: "Placeholder"\n}\n')
        case "no graph":
            graph.unlink()
        case "classes short":
            classes.write_text("person\nbicycle\n")
        case "no classes":
            classes.unlink()
    with pytest.raises(ModelError, match=r"expected|empty") as error:
        MaskRcnn(InferSettings(mask_rcnn=model))
    assert "\n" not in str(error.value)


@pytest.mark.model
def test_without_the_small_networks_the_mask_rcnn_runs_alone_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def offline() -> None:
        raise AssetError("pose_detection.tflite: expected mediapipe 0.10.21 from the package index")

    settings = InferSettings(mask_rcnn=MASK_RCNN)
    assert "embedded detector" in open_detector(settings).model
    assert not caplog.records
    monkeypatch.setattr("infer.combined_detector.EmbeddedNetworks", offline)
    assert isinstance(open_detector(settings), MaskRcnn)
    assert "pose_detection.tflite" in caplog.text


@pytest.mark.model
def test_the_real_network_finds_people_and_things() -> None:
    net = MaskRcnn(InferSettings(mask_rcnn=MASK_RCNN))
    picture = np.asarray(cv2.imread(str(FOOTAGE / "coco-still/000000000785.jpg")), np.uint8)
    found = net.detect(picture)
    assert found[0].class_id == 0
    assert any(i.class_id != 0 for i in found), "skis: other classes are reported too"
    assert net.detect(np.zeros_like(picture)) == ()


@pytest.mark.model
def test_the_default_limits_still_find_the_second_person() -> None:
    scene = DemoScene(1280, 720, 30)
    net = MaskRcnn(InferSettings(mask_rcnn=MASK_RCNN))
    assert sum(i.class_id == 0 for i in net.detect(scene.frame(200))) >= 2


@pytest.mark.model
def test_the_classes_are_those_that_the_settings_know() -> None:
    names = (MASK_RCNN / "object_detection_classes_coco.txt").read_text().split("\n")
    assert tuple(name.strip() for name in names if name.strip()) == NAMES
