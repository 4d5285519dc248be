"""Builds an ONNX graph node by node. Tensors are referred to by their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper, shape_inference

OPSET, IR_VERSION = 17, 8  # of 2022: every ONNX Runtime with wheels for our Python versions reads them


class Graph:
    """Build an ONNX graph."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def take(self, name: str, dtype: str, shape: tuple[int | str, ...]) -> str:
        """Add an input."""
        self._inputs.append(_described(name, dtype, shape))
        return name

    def take_or(self, name: str, default: NDArray[Any]) -> str:
        """Add an optional input with a default value."""
        self._constants[name] = numpy_helper.from_array(default, name)
        return self.take(name, str(default.dtype), default.shape)

    def give(self, tensor: str, name: str, dtype: str, shape: tuple[int | str, ...]) -> None:
        """Add an output with a name of its own for a tensor."""
        self.node("Identity", tensor, name=name)
        self._outputs.append(_described(name, dtype, shape))

    def constant(self, value: Any, name: str = "") -> str:
        """Add a constant. Numbers of Python become int64 and float32."""
        array = np.array(value, order="C")
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        name = name or f"constant_{len(self._constants)}"
        self._constants[name] = numpy_helper.from_array(array, name)
        return name

    def node(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node with one output."""
        return self.nodes(kind, *inputs, count=1, name=name, **attributes)[0]

    def nodes(self, kind: str, *inputs: str, count: int, name: str = "", **attributes: Any) -> list[str]:
        """Add a node with `count` outputs."""
        name = name or f"{kind}_{len(self._nodes)}"
        outputs = [name, *(f"{name}_{n}" for n in range(1, count))]
        self._nodes.append(helper.make_node(kind, inputs, outputs, name=name, **attributes))
        return outputs

    def finish(self, name: str, text: str) -> bytes:
        """Return the bytes of the file. The same graph always gives the same bytes.

        Raises:
            onnx.checker.ValidationError, onnx.shape_inference.InferenceError: The nodes do not fit together.
        """
        constants = list(self._constants.values())
        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, constants, doc_string=text)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="onlyme")
        onnx.checker.check_model(model)
        shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        return bytes(model.SerializeToString(deterministic=True))


def _described(name: str, dtype: str, shape: tuple[int | str, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
