"""The settings of infer, and of the first start, which fetches its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from common.runtime.install import RUN_COMMAND, model_folder
from common.settings.base import Replacement, Settings, setting
from common.settings.detection import DetectionSettings
from common.settings.recording import PaceSettings
from common.settings.validators import boolean, int_range, one_of, path

MODEL_FOLDER = model_folder()  # of --mask-rcnn, where nobody names another
NO_MODEL = Path("none")  # of --mask-rcnn
AUTO, CPU = "auto", "cpu"
DEVICES = (AUTO, CPU, "cuda", "tensorrt", "coreml", "directml", "openvino")


@dataclass(frozen=True)
class InferSettings(DetectionSettings, PaceSettings):
    """Which network finds people, and how."""

    replaced: ClassVar[Mapping[str, Replacement]] = {
        "backend": Replacement("device", ", ".join(DEVICES)),
        "target": Replacement("device", ", ".join(DEVICES)),
    }

    mask_rcnn: Path = setting(
        MODEL_FOLDER,
        path,
        "folder with a Mask R-CNN: an .onnx, or a .pb, its .pbtxt and object_detection_classes_coco.txt; none: the embedded "
        "detector finds people",
        short="-m",
    )
    infer_width: int = setting(
        600,
        int_range(64, 4096),
        "frames are resized for the network only, to the area of a picture of 16:9 of this width, pixels",
    )
    proposals: int = setting(20, int_range(0, 1000), "regions that the network examines; 0 leaves the graph as it is")
    detections: int = setting(7, int_range(0, 1000), "objects the network reports; 0 leaves the graph as it is")
    device: str = setting(
        AUTO,
        one_of(*DEVICES),
        f"device that an .onnx runs on, one of {', '.join(DEVICES)}, if this ONNX Runtime was built for it; auto: the fastest",
    )
    threads: int = setting(0, int_range(0, 256), "threads of one worker; 0 shares the cores among the workers")


@dataclass(frozen=True)
class FirstStartSettings(Settings):
    """What `make run` does before the first call."""

    fetch: bool = setting(
        True,
        boolean,
        f"{RUN_COMMAND} fetches a small Mask R-CNN where there is none, once; no: it never asks for one",
        switch=True,
    )
