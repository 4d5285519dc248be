"""Converts MaskRCNN2Go, which Caffe2 published with 8-bit weights, to one ONNX file of standard operators.

The file computes with real numbers what Caffe2's graph computes with 8 bits: weights are dequantised, and nothing is
rounded between layers. That is as exact, as fast (`python -m tests.bench masks`), gives the same result on every processor,
and runs on every device. Two things differ from Caffe2's graph: overlapping objects are suppressed as in the tutorial's
graph (OVERLAP, CONFIDENCE), and a mask is computed for the object's own class only.

infer/onnx_mask_rcnn.py describes the inputs and outputs of the file.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from common.errors import ModelError
from common.runtime.install import MODEL_COMMAND
from common.vision.coco import NAMES
from infer.caffe2 import GRAPH_NAME, WEIGHTS_NAME, Network, Op, Tensor, read_network
from infer.onnx_boxes import EVERY, anchors, keep, move, places_of, propose
from infer.onnx_graph import Graph

OVERLAP = 0.5  # maximum IoU of two objects of a class; with Caffe2's 0.3 two people who touch are found as one
CONFIDENCE = 0.3  # score that an object exceeds, unless the caller passes another
# ten of the 90 names that COCO never used: the network's classes are the other 80, in this order
UNUSED = {"street sign", "hat", "shoe", "eye glasses", "plate", "mirror", "window", "desk", "door", "blender"}
LARGEST_SIDE = 4096
CLASS_IDS = [number for number, name in enumerate(NAMES) if name not in UNUSED]
TEXT = "MaskRCNN2Go int8 (facebookarchive/models, Apache-2.0), written out by onlyme from Caffe2's model_init.pb and model.pb"


def write_onnx(folder: Path, into: Path) -> None:
    """Convert `model_init.pb` and `model.pb` of a folder to the file `into`, which is written whole or not at all.

    Raises:
        ModelError: A file is missing, damaged or of another network, or `into` cannot be written.
    """
    data = converted(read_network(folder))
    part = into.with_name(f"{into.name}.part")
    try:
        part.write_bytes(data)
        part.replace(into)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ModelError(f"{into}: expected to write {len(data)} bytes, got: {error.strerror}; make room") from None


def converted(network: Network) -> bytes:
    """Return the bytes of the ONNX file. The same network always gives the same bytes.

    Raises:
        ModelError: The network is not MaskRCNN2Go.
    """
    try:
        return Conversion(network).run()
    except (
        ArithmeticError, LookupError, TypeError, ValueError,
        onnx.checker.ValidationError, onnx.shape_inference.InferenceError,
    ) as error:  # fmt: skip
        reason = " ".join(str(error).split())
        raise ModelError(
            f"{WEIGHTS_NAME}, {GRAPH_NAME}: expected MaskRCNN2Go, got what does not fit together "
            f"({type(error).__name__}: {reason:.160}); fetch them again ({MODEL_COMMAND})"
        ) from None


class Conversion:
    """Convert the operators of a network one after the other, and map the tensor names of Caffe2 to ours."""

    def __init__(self, network: Network) -> None:
        self._network, self.graph = network, Graph()
        self._made: dict[str, str] = {}  # name in Caffe2's graph → name in our graph
        self._classes = ""
        self._write = {
            "NCHW2NHWC": self._take_image, "NHWC2NCHW": self._pass, "Int8Dequantize": self._pass,
            "Int8Quantize": self._round, "Int8Relu": self._relu, "Int8Sum": self._add,
            "Int8Conv": self._convolve, "Int8ConvRelu": self._convolve, "Int8ConvTranspose": self._enlarge,
            "Int8AveragePool": self._average, "Int8FC": self._connect, "Int8Softmax": self._softmax, "Sigmoid": self._sigmoid,
            "GenerateProposals": self._propose, "RoIAlign": self._align, "BBoxTransform": self._move,
            "BoxWithNMSLimit": self._keep,
        }  # fmt: skip
        self._step = round(1 / self._only("GenerateProposals").number("spatial_scale"))
        if not 1 <= self._step <= LARGEST_SIDE:
            raise ModelError(f"{GRAPH_NAME}: expected cells of 1..{LARGEST_SIDE} pixels, got {self._step}")
        height, width = self._tensor("im_info", 2).values[0, :2]
        if not 0 < min(height, width) <= max(height, width) <= LARGEST_SIDE:
            raise ModelError(
                f"{WEIGHTS_NAME}: expected a picture of 1..{LARGEST_SIDE} pixels a side, got {width:g} x {height:g}"
            )
        self._size_wh = tuple(math.ceil(side / self._step) * self._step for side in (width, height))

    def run(self) -> bytes:
        """Return the bytes of the file."""
        for op in self._network.ops:
            if op.type not in self._write:
                raise ModelError(f"{GRAPH_NAME}: expected operators of MaskRCNN2Go, got {op.type!r:.60}")
            self._write[op.type](op)
        masks = self.graph.node("Squeeze", self._made[self._network.outputs[-1]], self.graph.constant([1]))
        self.graph.give(masks, "masks", "float32", ("found", "mask_height", "mask_width"))
        return self.graph.finish("MaskRCNN2Go", TEXT)

    def _only(self, kind: str) -> Op:
        ops = [op for op in self._network.ops if op.type == kind]
        if len(ops) != 1:
            raise ModelError(f"{GRAPH_NAME}: expected one operator {kind}, got {len(ops)}")
        return ops[0]

    def _tensor(self, name: str, dimensions: int) -> Tensor:
        tensor = self._network.tensors.get(name)
        if tensor is None or tensor.values.ndim != dimensions:
            got = "none" if tensor is None else f"the shape {tensor.values.shape}"
            raise ModelError(f"{WEIGHTS_NAME}: expected {name!r:.60} of {dimensions} dimensions, got {got}")
        return tensor

    def _take_image(self, op: Op) -> None:
        width, height = self._size_wh
        image = self.graph.node(
            "Cast", self.graph.take("image", "uint8", (height, width, 3)), to=onnx.TensorProto.FLOAT
        )
        planes = self.graph.node("Transpose", image, perm=[2, 0, 1])
        self._made[op.outputs[0]] = self.graph.node("Unsqueeze", planes, self.graph.constant([0]))

    def _pass(self, op: Op) -> None:
        """Do nothing: our tensors are not quantised, and are in this order of axes already."""
        self._made[op.outputs[0]] = self._made[op.inputs[0]]

    def set_output(self, op: Op, tensor: str) -> None:
        """Set the output of an operator, which Caffe2 rounds to 8 bits, to a tensor of real numbers."""
        self._made[op.outputs[0]] = tensor

    def _round(self, op: Op) -> None:
        self.set_output(op, self._made[op.inputs[0]])

    def _relu(self, op: Op) -> None:
        self.set_output(op, self.graph.node("Relu", self._made[op.inputs[0]]))

    def _add(self, op: Op) -> None:
        self.set_output(op, self.graph.node("Add", *(self._made[name] for name in op.inputs)))

    def weights(self, op: Op, dimensions: int, order: tuple[int, ...]) -> tuple[str, str]:
        """Add weights and biases of an operator, with the axes of the weights in another order."""
        weights, bias = self.checked(op, dimensions)
        real = np.ascontiguousarray(weights.real().transpose(order))
        return self.graph.constant(real, op.inputs[1]), self.graph.constant(bias.real(), op.inputs[2])

    def checked(self, op: Op, dimensions: int) -> tuple[Tensor, Tensor]:
        """Return weights and biases of an operator, after checking that their sizes match."""
        weights, bias = self._tensor(op.inputs[1], dimensions), self._tensor(op.inputs[2], 1)
        outputs = weights.values.shape[-1 if op.type == "Int8ConvTranspose" else 0]
        if bias.values.shape != (outputs,):
            raise ModelError(
                f"{WEIGHTS_NAME}: expected {outputs} values of {op.inputs[2]!r:.60}, got {bias.values.size}"
            )
        return weights, bias

    def _convolve(self, op: Op) -> None:
        weights, bias = self.weights(op, 4, (0, 3, 1, 2))
        group = op.whole("group", 1)
        result = self.graph.node("Conv", self._made[op.inputs[0]], weights, bias, group=group, **_window(op))
        self.set_output(op, self.graph.node("Relu", result) if op.type == "Int8ConvRelu" else result)

    def _enlarge(self, op: Op) -> None:
        """Convert a learnt upsampling. One that uses the same filter for the masks of all classes runs on the object's own class."""
        shared = _shared_filter(self._tensor(op.inputs[1], 4))
        source = self._made[op.inputs[0]]
        if shared is None:
            weights, bias = self.weights(op, 4, (0, 3, 1, 2))
            self.set_output(op, self.graph.node("ConvTranspose", source, weights, bias, **_window(op)))
            return
        own = self.graph.node("Unsqueeze", self._own_masks(source), self.graph.constant([1]))
        enlarged = self.graph.node("ConvTranspose", own, self.graph.constant(shared), **_window(op))
        self._made[op.outputs[0]] = enlarged

    def _own_masks(self, masks: str) -> str:
        """Select the mask of each object's class: (K, h, w) of (K, classes with the background, h, w)."""
        graph = self.graph
        count = graph.node("Squeeze", graph.node("Shape", self._classes))
        rows = graph.node("Range", graph.constant(0), count, graph.constant(1))
        places = [rows, graph.node("Add", self._classes, graph.constant(1))]
        columns = [graph.node("Unsqueeze", place, graph.constant([1])) for place in places]
        return graph.node("GatherND", masks, graph.node("Concat", *columns, axis=1))

    def _average(self, op: Op) -> None:
        self.set_output(op, self.graph.node("AveragePool", self._made[op.inputs[0]], **_window(op)))

    def _connect(self, op: Op) -> None:
        flat = self.graph.node("Flatten", self._made[op.inputs[0]], axis=1)
        self.set_output(op, self.graph.node("Gemm", flat, *self.weights(op, 2, (0, 1)), transB=1))

    def _softmax(self, op: Op) -> None:
        self._made[op.outputs[0]] = self.graph.node("Softmax", self._made[op.inputs[0]], axis=1)

    def _sigmoid(self, op: Op) -> None:
        self._made[op.outputs[0]] = self.graph.node("Sigmoid", self._made[op.inputs[0]])

    def _propose(self, op: Op) -> None:
        graph, (width, height) = self.graph, self._size_wh
        first = self._tensor(op.inputs[3], 2).values
        cells_hw = height // self._step, width // self._step
        places = anchors(graph, first, cells_hw, self._step)
        deltas = graph.node("Reshape", self._made[op.inputs[1]], graph.constant([len(first), 4, *cells_hw]))
        boxes = move(graph, places, deltas, 1, (width, height))
        most = graph.take_or("proposals", np.array([op.whole("post_nms_topN")]))
        # Caffe2 ranks the best 3000 anchors only (pre_nms_topN), which contain the few that are proposed
        self._made[op.outputs[0]] = propose(graph, boxes, self._made[op.inputs[0]], most, op.number("nms_thresh"))

    def _align(self, op: Op) -> None:
        graph = self.graph
        last_included = graph.node("Sub", self._made[op.inputs[1]], graph.constant([0.0, 0.0, 1.0, 1.0]))
        picture = onnx.helper.make_tensor("first", onnx.TensorProto.INT64, [1], [0])
        pictures = graph.node("ConstantOfShape", graph.node("Shape", last_included, end=1), value=picture)
        self._made[op.outputs[0]] = graph.node(
            "RoiAlign", self._made[op.inputs[0]], last_included, pictures, mode="avg",
            output_height=op.whole("pooled_h"), output_width=op.whole("pooled_w"),
            spatial_scale=op.number("spatial_scale"), sampling_ratio=op.whole("sampling_ratio"),
            coordinate_transformation_mode="output_half_pixel",
        )  # fmt: skip

    def _move(self, op: Op) -> None:
        graph = self.graph
        by_class = graph.node("Reshape", self._made[op.inputs[1]], graph.constant([0, -1, 4]))
        deltas = graph.node("Div", self._without_background(by_class), graph.constant(list(op.args["weights"])))
        deltas = graph.node("Transpose", deltas, perm=[1, 0, 2])
        self._made[op.outputs[0]] = move(graph, places_of(graph, self._made[op.inputs[0]]), deltas, 2, self._size_wh)

    def _without_background(self, by_class: str) -> str:
        """Remove class 0 along axis 1, the background."""
        start, end, axis = ([1], [EVERY], [1])
        return self.graph.node("Slice", by_class, *map(self.graph.constant, (start, end, axis)))

    def _keep(self, op: Op) -> None:
        graph, (width, height) = self.graph, self._size_wh
        scores = graph.node("Transpose", self._without_background(self._made[op.inputs[0]]), perm=[1, 0])
        most = graph.take_or("detections", np.array([op.whole("detections_per_im")]))
        least = graph.take_or("confidence", np.array([CONFIDENCE], np.float32))
        kept = keep(graph, self._made[op.inputs[1]], scores, most, least=least, overlap=OVERLAP)
        self._made[op.outputs[1]], self._classes = kept.boxes, kept.classes
        relative = graph.node(
            "Div", kept.boxes, graph.constant([float(side) for side in (width, height, width, height)])
        )
        class_ids = graph.node("Gather", graph.constant(CLASS_IDS), kept.classes, axis=0)
        graph.give(relative, "boxes", "float32", ("found", 4))
        graph.give(kept.scores, "scores", "float32", ("found",))
        graph.give(class_ids, "classes", "int64", ("found",))


def _window(op: Op) -> dict[str, Any]:
    """Return the attributes of an operator with a sliding window."""
    kernel, pad, stride = op.whole("kernel"), op.whole("pad", 0), op.whole("stride", 1)
    return {"kernel_shape": [kernel] * 2, "pads": [pad] * 4, "strides": [stride] * 2}


def _shared_filter(weights: Tensor) -> NDArray[np.float32] | None:
    """Return the filter (1, 1, h, w) if (C, h, w, C) weights upsample every channel separately with one filter, else None."""
    values = weights.real()
    channels = np.arange(len(values))
    if len(values) != values.shape[3]:
        return None
    own = values[channels, :, :, channels]
    if (own != own[0]).any() or np.count_nonzero(values) != np.count_nonzero(own):
        return None
    return own[:1, np.newaxis]
