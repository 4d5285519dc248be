"""A MaskRCNN2Go of a few weights, as Caffe2 writes it, that sees one person in every picture: for tests without the real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infer.caffe2 import GRAPH_NAME, WEIGHTS_NAME, net_def

SIDE, STEP, CHANNELS, CLASSES = 32, 32, 4, 81
SCALE = 0.5
BILINEAR = np.outer([1, 3, 3, 1], [1, 3, 3, 1])


def add(net: Any, kind: str, inputs: Sequence[str], outputs: Sequence[str], **args: Any) -> None:
    """Append an operator."""
    op = net.op.add(type=kind, input=inputs, output=outputs)
    for name, value in args.items():
        arg = op.arg.add(name=name)
        match value:
            case int():
                arg.i = value
            case float():
                arg.f = value
            case bytes():
                arg.s = value
            case list() if isinstance(value[0], float):
                arg.floats.extend(value)
            case list():
                arg.ints.extend(value)


def fill(net: Any, name: str, values: np.ndarray, scale: float = SCALE, zero_point: int = 128) -> None:
    """Append a constant: 8-bit weights, 32-bit biases, or real numbers."""
    shape = list(values.shape)
    if values.dtype == np.uint8:
        how: dict[str, Any] = {"Y_scale": scale, "Y_zero_point": zero_point}
        add(net, "Int8GivenTensorFill", [], [name], shape=shape, values=values.tobytes(), **how)
    elif values.dtype == np.int32:
        add(net, "Int8GivenIntTensorFill", [], [name], shape=shape, values=values.ravel().tolist(), Y_scale=scale, Y_zero_point=0)  # fmt: skip
    else:
        add(net, "GivenTensorFill", [], [name], shape=shape, values=[float(v) for v in values.ravel()])


def layer(
    weights: Any, name: str, shape: tuple[int, ...], bias: Mapping[int, int] | None = None, scale: float = SCALE
) -> None:
    """Append weights of 0, so that a layer says its bias, whatever it sees."""
    outputs = np.zeros(shape[0] if len(shape) == 2 or shape[0] != CHANNELS else CHANNELS, np.int32)
    for index, value in (bias or {}).items():
        outputs[index] = value
    fill(weights, f"{name}_w", np.full(shape, 128, np.uint8))
    fill(weights, f"{name}_b", outputs, scale * SCALE)


def tiny() -> tuple[Any, Any]:
    """Weights and graph. The one anchor is the whole picture; class 1 of 81, the person, is what is seen in it."""
    weights, graph = net_def()(), net_def()()
    fill(weights, "anchor", np.array([[0, 0, SIDE - 1, SIDE - 1]], np.float32))
    fill(weights, "im_info", np.array([[SIDE, SIDE, 1]], np.float32))
    layer(weights, "first", (CHANNELS, STEP, STEP, 3))
    layer(weights, "objectness", (1, 1, 1, CHANNELS), {0: 8})
    layer(weights, "shift", (4, 1, 1, CHANNELS))
    layer(weights, "score", (CLASSES, CHANNELS), {1: 80})
    layer(weights, "box", (4 * CLASSES, CHANNELS))
    layer(weights, "mask", (CLASSES, 1, 1, CHANNELS), {1: 80})
    enlarge = np.zeros((CLASSES, 4, 4, CLASSES), np.uint8)
    enlarge[np.arange(CLASSES), :, :, np.arange(CLASSES)] = BILINEAR
    fill(weights, "enlarge_w", enlarge, 1 / 16, 0)
    fill(weights, "enlarge_b", np.zeros(CLASSES, np.int32), SCALE / 16)

    rounded = {"Y_scale": SCALE, "Y_zero_point": 128}
    one = {"kernel": 1, "stride": 1, "pad": 0, **rounded}
    add(graph, "NCHW2NHWC", ["data"], ["data_NHWC"])
    add(graph, "Int8Quantize", ["data_NHWC"], ["pixels"], Y_scale=1.0, Y_zero_point=0)
    add(graph, "Int8ConvRelu", ["pixels", "first_w", "first_b"], ["first"], kernel=STEP, stride=STEP, pad=0, **rounded)
    add(graph, "Int8Sum", ["first", "first"], ["cells"], **rounded)
    for name in ("objectness", "shift"):
        add(graph, "Int8Conv", ["cells", f"{name}_w", f"{name}_b"], [name], **one)
        add(graph, "Int8Dequantize", [name], [f"{name}_real"])
    add(graph, "Sigmoid", ["objectness_real"], ["likely"])
    add(graph, "GenerateProposals", ["likely", "shift_real", "im_info", "anchor"], ["rois"], spatial_scale=1 / STEP,
        post_nms_topN=10, nms_thresh=0.7)  # fmt: skip
    add(graph, "Int8Dequantize", ["cells"], ["cells_real"])
    align = {"pooled_h": 2, "pooled_w": 2, "sampling_ratio": 0, "spatial_scale": 1 / STEP}
    add(graph, "RoIAlign", ["cells_real", "rois"], ["parts"], **align)
    add(graph, "Int8Quantize", ["parts"], ["parts_int8"], **rounded)
    add(graph, "Int8AveragePool", ["parts_int8"], ["mean"], kernel=2, stride=1, **rounded)
    for name in ("score", "box"):
        add(graph, "Int8FC", ["mean", f"{name}_w", f"{name}_b"], [name], **rounded)
    add(graph, "Int8Softmax", ["score"], ["sure"])
    add(graph, "BBoxTransform", ["rois", "box", "im_info"], ["boxes"], weights=[10.0, 10.0, 5.0, 5.0])
    add(graph, "BoxWithNMSLimit", ["sure", "boxes"], ["kept_scores", "kept", "kept_classes"], detections_per_im=10)
    add(graph, "RoIAlign", ["cells_real", "kept"], ["kept_parts"], **align)
    add(graph, "Int8Quantize", ["kept_parts"], ["kept_int8"], **rounded)
    add(graph, "Int8Conv", ["kept_int8", "mask_w", "mask_b"], ["mask"], **one)
    add(graph, "Int8Relu", ["mask"], ["mask_relu"], **rounded)
    add(
        graph,
        "Int8ConvTranspose",
        ["mask_relu", "enlarge_w", "enlarge_b"],
        ["large"],
        kernel=4,
        stride=2,
        pad=1,
        **rounded,
    )
    add(graph, "Int8Dequantize", ["large"], ["large_NHWC"])
    add(graph, "NHWC2NCHW", ["large_NHWC"], ["large_real"])
    add(graph, "Sigmoid", ["large_real"], ["masks"])
    graph.external_output.extend(["kept_scores", "kept", "kept_classes", "masks"])
    return weights, graph


def write(folder: Path, weights: Any, graph: Any) -> Path:
    """The two files in a folder; returns it."""
    (folder / WEIGHTS_NAME).write_bytes(weights.SerializeToString())
    (folder / GRAPH_NAME).write_bytes(graph.SerializeToString())
    return folder
