"""A small Mask R-CNN in its forms: 8-bit and float through ONNX Runtime, on any device, and float through cv2.dnn."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from common.errors import ConfigError
from compose.picture import alpha
from compose.who import subject
from infer.caffe2 import Op, read_network
from infer.detector_protocol import Detector
from infer.devices import candidates
from infer.mask_rcnn import MaskRcnn
from infer.onnx_mask_rcnn import OnnxMaskRcnn
from infer.settings import CPU, InferSettings
from infer.to_onnx import Conversion, write_onnx
from tests.bench.table import print_table
from tests.shared import FOOTAGE, MASK_RCNN, MASK_RCNN_2GO, SIGNERS

ROUNDS = 15
UNKNOWN = 128  # of a reference mask: does not score
STILL = FOOTAGE / "coco-still/000000000785"
CROWD = FOOTAGE / "davis2016/dance-twirl/frames/00030.jpg"
Picture = NDArray[np.uint8]


def read(path: Path, how: int = cv2.IMREAD_COLOR) -> Picture:
    return np.asarray(cv2.imread(str(path), how), np.uint8)


def person_in(network: Detector, picture: Picture) -> NDArray[np.bool_]:
    """(H, W): where the most confident person is."""
    kept = np.zeros(picture.shape[:2], bool)
    if people := subject.people_of(network.detect(picture), 0.5):
        opacity, (x0, y0, x1, y1), _ = alpha.of_instance(people[0], picture.shape[1::-1], 0.3, "soft")
        kept[y0:y1, x0:x1] = opacity > 127
    return kept


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def reference_iou(network: Detector) -> float:
    """Mean IoU of the most confident person with the shared reference masks of the webcam."""
    overlaps = []
    for picture, truth in references():
        known = truth != UNKNOWN
        overlaps.append(iou(person_in(network, picture) & known, (truth == 255) & known))
    return float(np.mean(overlaps))


def references() -> list[tuple[Picture, Picture]]:
    """Pictures of the webcam and what is a person in them."""
    paths = [p for clip in ("again", "milk") for p in sorted((SIGNERS / f"reference/{clip}/masks").glob("*.png"))]
    return [(read(p.parent.parent / "frames" / f"{p.stem}.jpg"), read(p, cv2.IMREAD_GRAYSCALE)) for p in paths]


class EightBits(Conversion):
    """The form that computes as Caffe2 does: 8-bit weights, and results rounded to 8 bits."""

    def set_output(self, op: Op, tensor: str) -> None:
        """See Conversion."""
        how = self._how(op.outputs[0], op.number("Y_scale"), np.array(op.whole("Y_zero_point"), np.uint8))
        rounded = self.graph.node("QuantizeLinear", tensor, *how, name=op.outputs[0])
        super().set_output(op, self.graph.node("DequantizeLinear", rounded, *how))

    def weights(self, op: Op, dimensions: int, order: tuple[int, ...]) -> tuple[str, str]:
        """See Conversion. Signed, which are the same numbers: ONNX Runtime multiplies unsigned by signed faster."""
        weights, bias = self.checked(op, dimensions)
        signed = (weights.values.astype(np.int16) - 128).astype(np.int8).transpose(order)
        zero_point = np.array(weights.zero_point - 128, np.int8)
        return (
            self._kept(op.inputs[1], signed, weights.scale, zero_point),
            self._kept(op.inputs[2], bias.values, bias.scale, np.array(0, np.int32)),
        )

    def _kept(self, name: str, values: NDArray[Any], scale: float, zero_point: NDArray[Any]) -> str:
        return self.graph.node(
            "DequantizeLinear", self.graph.constant(values, name), *self._how(name, scale, zero_point)
        )

    def _how(self, name: str, scale: float, zero_point: NDArray[Any]) -> tuple[str, str]:
        return self.graph.constant(scale, f"{name}_scale"), self.graph.constant(zero_point, f"{name}_zero_point")


def networks(folder: Path, device: str) -> dict[str, Detector]:
    """The forms by name; files are written to `folder`. cv2.dnn has the processor only."""
    eight_bit, real = folder / "8-bit.onnx", folder / "float.onnx"
    write_onnx(MASK_RCNN_2GO, real)
    eight_bit.write_bytes(EightBits(read_network(MASK_RCNN_2GO)).run())
    settings = InferSettings(mask_rcnn=MASK_RCNN)
    found: dict[str, Detector] = {}
    try:
        candidates(device)
    except ConfigError as error:
        sys.exit(f"bench: {error}")
    for where in dict.fromkeys([device, CPU]):
        found[f"ONNX 8-bit, {where}"] = OnnxMaskRcnn(eight_bit, where, settings)
        found[f"ONNX float, {where}"] = OnnxMaskRcnn(real, where, settings)
    return {**found, "cv2.dnn, cpu": MaskRcnn(settings)}


def medians_ms(work: dict[str, Callable[[], object]]) -> dict[str, tuple[float, float]]:
    """Median milliseconds, and of processor time, of each; in turn, so that a machine that slows down slows all alike."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, call in work.items():
            begun, spent = time.perf_counter(), time.process_time()
            call()
            taken[name].append((1e3 * (time.perf_counter() - begun), 1e3 * (time.process_time() - spent)))
    return {
        name: (float(np.median([t[0] for t in ts])), float(np.median([t[1] for t in ts]))) for name, ts in taken.items()
    }


def main(device: str = CPU) -> None:
    """Times with one and two threads on one person and on a crowd, and how exact the masks are."""
    person, truth = (
        read(STILL.with_suffix(".jpg")),
        read(STILL.with_suffix(".person-instances.png"), cv2.IMREAD_GRAYSCALE),
    )
    crowd, pictures = read(CROWD), [picture for picture, _ in references()]
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
        forms = networks(Path(folder), device)
        seen = {
            name: [person_in(network, picture) for picture in (*pictures, person)] for name, network in forms.items()
        }
        exact: dict[str, dict[str, object]] = {
            name: {
                "IoU webcam": reference_iou(network),
                "IoU still": iou(seen[name][-1], truth > 0),
                "IoU with cv2.dnn": float(np.mean([iou(*both) for both in zip(seen[name], seen["cv2.dnn, cpu"], strict=True)])),
            }
            for name, network in forms.items()
        }  # fmt: skip
        for threads in (1, 2):
            cv2.setNumThreads(threads)
            one, many = (
                medians_ms({name: _look(n, picture) for name, n in forms.items()}) for picture in (person, crowd)
            )
            for name in forms:
                base_ms, base_cpu_ms = one["cv2.dnn, cpu"]
                rows.append(
                    {"form": name, "threads": threads, "ms": one[name][0], "/ cv2.dnn": one[name][0] / base_ms,
                     "processor ms": one[name][1], "/ cv2.dnn's": one[name][1] / base_cpu_ms, "crowd ms": many[name][0], **exact[name]}
                )  # fmt: skip
    print_table("a look of MaskRCNN2Go with 20 proposals and 7 detections, by form; a crowd is 7 masks", rows)


def _look(network: Detector, picture: Picture) -> Callable[[], object]:
    return lambda: network.detect(picture)
