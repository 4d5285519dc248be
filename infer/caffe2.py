"""Reads a Caffe2 network that is published as two NetDef files: the weights, and the graph that uses them.

The messages are declared here as far as they are needed, so Caffe2 is not. Field numbers are those of
caffe2/proto/caffe2.proto. The files are untrusted: sizes are bounded, shapes are checked, nothing is executed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from common.errors import ModelError
from common.runtime.install import MODEL_COMMAND

WEIGHTS_NAME, GRAPH_NAME = "model_init.pb", "model.pb"
MOST_BYTES = 64 << 20

_TYPES = descriptor_pb2.FieldDescriptorProto
_FLOAT, _INT, _BYTES, _TEXT = _TYPES.TYPE_FLOAT, _TYPES.TYPE_INT64, _TYPES.TYPE_BYTES, _TYPES.TYPE_STRING
_MESSAGES: dict[str, list[tuple[str, int, int | str, bool]]] = {  # name, number, type, repeated
    "Argument": [
        ("name", 1, _TEXT, False), ("f", 2, _FLOAT, False), ("i", 3, _INT, False), ("s", 4, _BYTES, False),
        ("floats", 5, _FLOAT, True), ("ints", 6, _INT, True),
    ],
    "OperatorDef": [
        ("input", 1, _TEXT, True), ("output", 2, _TEXT, True), ("type", 4, _TEXT, False), ("arg", 5, "Argument", True),
    ],
    "NetDef": [("op", 2, "OperatorDef", True), ("external_output", 8, _TEXT, True)],
}  # fmt: skip


class Tensor(NamedTuple):
    """A constant of the network. Its real numbers are (values - zero_point) * scale.

    values: uint8 weights, int32 biases, or float32 (then scale is 1 and zero_point 0), in Caffe2's order (NHWC).
    """

    values: NDArray[Any]
    scale: float
    zero_point: int

    def real(self) -> NDArray[np.float32]:
        """Return the real numbers."""
        return (self.values.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)


@dataclass(frozen=True, slots=True)
class Op:
    """An operator of the graph: its type, the names of its inputs and outputs, and its arguments by name."""

    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    args: dict[str, Any]

    def whole(self, name: str, default: int | None = None) -> int:
        """Return an argument as a whole number; see number."""
        return int(self.number(name, default))

    def number(self, name: str, default: float | None = None) -> float:
        """Return an argument as a number.

        Raises:
            ModelError: The argument is missing and has no default.
        """
        value = self.args.get(name, default)
        if not isinstance(value, int | float):
            raise ModelError(f"{GRAPH_NAME}: expected a number {name} of {self.type} {self.outputs[0]}, got none")
        return value


class Network(NamedTuple):
    """Constants by name, operators in execution order, and the names of the outputs."""

    tensors: dict[str, Tensor]
    ops: tuple[Op, ...]
    outputs: tuple[str, ...]


def read_network(folder: Path) -> Network:
    """Read `model_init.pb` and `model.pb` of a folder.

    Raises:
        ModelError: A file is missing, too large or not a NetDef, or the size of a constant does not match its shape.
    """
    weights = _read_net(folder / WEIGHTS_NAME)
    graph = _read_net(folder / GRAPH_NAME)
    tensors = {}
    for op in map(_op_of, weights.op):
        if "Fill" not in op.type or len(op.outputs) != 1:
            raise ModelError(f"{WEIGHTS_NAME}: expected constants only, got an operator {op.type!r:.60}")
        tensors[op.outputs[0]] = _tensor_of(op)
    return Network(tensors, tuple(map(_op_of, graph.op)), tuple(graph.external_output))


def _read_net(path: Path) -> Any:
    if not path.is_file():
        raise ModelError(f"{path}: expected a network of Caffe2, got no such file; fetch it again ({MODEL_COMMAND})")
    size = path.stat().st_size
    if not 0 < size <= MOST_BYTES:
        raise ModelError(f"{path}: expected 1..{MOST_BYTES} bytes, got {size}; fetch it again ({MODEL_COMMAND})")
    net = net_def()()
    try:
        net.ParseFromString(path.read_bytes())
    except DecodeError:
        net.Clear()
    names = [*net.external_output]
    for op in net.op:
        names += [op.type, *op.input, *op.output, *(arg.name for arg in op.arg)]
    is_text = all(isinstance(name, str) for name in names)  # protobuf returns invalid UTF-8 as bytes
    if not net.op or not is_text or not all(op.type and op.output for op in net.op):
        raise ModelError(
            f"{path}: expected a network of Caffe2, got {size} bytes that are none, or are cut off; "
            f"fetch it again ({MODEL_COMMAND})"
        )
    return net


def net_def() -> Any:
    """Return the protobuf class of NetDef."""
    file = descriptor_pb2.FileDescriptorProto(name="caffe2.proto", package="caffe2", syntax="proto2")
    for message, listed in _MESSAGES.items():
        fields = file.message_type.add(name=message).field
        for name, number, kind, repeated in listed:
            label = _TYPES.LABEL_REPEATED if repeated else _TYPES.LABEL_OPTIONAL
            field = fields.add(name=name, number=number, label=label)
            if isinstance(kind, str):
                field.type, field.type_name = _TYPES.TYPE_MESSAGE, f".caffe2.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe2.NetDef"))


def _op_of(op: Any) -> Op:
    return Op(op.type, tuple(op.input), tuple(op.output), {arg.name: _value_of(arg) for arg in op.arg})


def _value_of(arg: Any) -> Any:
    for single in ("f", "i", "s"):
        if arg.HasField(single):
            return getattr(arg, single)
    return tuple(arg.floats) or tuple(arg.ints)


def _tensor_of(op: Op) -> Tensor:
    name, shape, values = op.outputs[0], op.args.get("shape", ()), op.args.get("values", ())
    match op.type:
        case "Int8GivenTensorFill" if isinstance(values, bytes):
            array: NDArray[Any] = np.frombuffer(values, np.uint8)
        case "Int8GivenIntTensorFill" if all(-(2**31) <= value < 2**31 for value in values):
            array = np.array(values, np.int32)
        case "GivenTensorFill":
            array = np.array(values, np.float32)
        case _:
            raise ModelError(f"{WEIGHTS_NAME}: expected known constants, got {op.type!r:.60} for {name!r:.60}")
    if not isinstance(shape, tuple) or min(shape, default=0) < 1 or math.prod(shape) != array.size:
        raise ModelError(
            f"{WEIGHTS_NAME}: {name!r:.60}: expected as many values as its shape {shape!r:.60} has, got {array.size}"
        )
    if array.dtype == np.float32:
        return Tensor(array.reshape(shape), 1.0, 0)
    scale, zero_point = op.number("Y_scale"), op.whole("Y_zero_point")
    if not 0 < scale < math.inf or not 0 <= zero_point <= 255:
        raise ModelError(
            f"{WEIGHTS_NAME}: {name!r:.60}: expected 8-bit numbers, got scale {scale} and zero point {zero_point}"
        )
    return Tensor(array.reshape(shape), scale, zero_point)
