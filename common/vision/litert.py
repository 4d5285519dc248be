"""Runs small TensorFlow Lite networks (.tflite) with LiteRT, on one thread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from common.errors import ModelError
from common.runtime.install import SETUP_COMMAND

Tensor = NDArray[np.float32]


class Network:
    """Run a network with one input. All networks of this project take and return float32.

    Args:
        path: The .tflite file.

    Raises:
        ModelError: LiteRT cannot read it.
    """

    def __init__(self, path: Path) -> None:
        try:
            with _quiet():
                # by its content: LiteRT takes no name with bytes that are not UTF-8
                self._interpreter = Interpreter(model_content=path.read_bytes(), num_threads=1)
                self._interpreter.allocate_tensors()
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"expected a network in {path} ({_size(path)} bytes), got what LiteRT cannot read ({error}); "
                f"remove the file and run `{SETUP_COMMAND}`"
            ) from None
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        self._outputs: list[int] = [output["index"] for output in self._interpreter.get_output_details()]

    def __call__(self, tensor: Tensor) -> tuple[Tensor, ...]:
        """Return every output in the order of the file, for an input of exactly the shape that the file states."""
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        return tuple(self._interpreter.get_tensor(output) for output in self._outputs)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence stderr: LiteRT writes a line when it opens a file, and has no setting against it. Errors are still raised."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
