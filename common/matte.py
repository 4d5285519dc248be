"""The selfie matte: MediaPipe selfie segmentation (landscape, Apache-2.0) through LiteRT where it is installed, else cv2.dnn."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from common.errors import ModelError
from common.halves import Halves

MATTE_SIZE_WH = (256, 144)
# a half not half as large again would hardly be reduced once more, and fine patterns come out as others
LEAST_WH = (1.5 * MATTE_SIZE_WH[0], 1.5 * MATTE_SIZE_WH[1])
WHITE = np.float32(1 / 255)
Network = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # (144, 256, 3) uint8 BGR -> (1, 144, 256, 1), 0..1


def with_opencv(path: Path) -> Network:
    """The network through cv2.dnn, 5.0 ms on one thread.

    Raises:
        ModelError: cv2.dnn cannot read it.
    """
    try:
        network = cv2.dnn.readNetFromTFLite(str(path))
    except cv2.error as error:
        raise ModelError(f"matte: cv2.dnn cannot read {path}: {error.err}") from None

    def forward(small: NDArray[np.uint8]) -> NDArray[np.float32]:
        network.setInput(cv2.dnn.blobFromImage(small, 1 / 255, swapRB=True))
        return np.asarray(network.forward(), np.float32)

    return forward


def with_litert(path: Path) -> Network:
    """The same through LiteRT, 2.5 ms on one thread; the answers differ by less than 1e-5.

    Raises:
        ImportError: requirements-litert.txt is not installed.
        ModelError: LiteRT cannot read it.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        with _quiet():
            network = Interpreter(str(path), num_threads=1)
            network.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"matte: LiteRT cannot read {path}: {error}") from None
    taken, given = network.get_input_details()[0]["index"], network.get_output_details()[0]["index"]

    def forward(small: NDArray[np.uint8]) -> NDArray[np.float32]:
        network.set_tensor(taken, np.multiply(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), WHITE)[None])
        network.invoke()
        return np.asarray(network.get_tensor(given), np.float32)

    return forward


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing from this process reaches stderr: LiteRT writes a line as it opens, and has no setting against it. What
    fails is still raised."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class Matte:
    """How likely each pixel belongs to a person.

    Args:
        path: The .tflite file.

    Raises:
        ModelError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._network = with_litert(path)
        except ImportError:
            self._network = with_opencv(path)

    def infer(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probability of "person", (144, 256) float32 in 0..1, for a picture (H, W, 3) uint8 BGR of any size."""
        half = Halves(picture).at_least(*LEAST_WH)
        small = np.asarray(cv2.resize(half, MATTE_SIZE_WH, interpolation=cv2.INTER_LINEAR), np.uint8)
        return self._network(small).reshape(MATTE_SIZE_WH[::-1])
