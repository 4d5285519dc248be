"""Finds the files of a Mask R-CNN in its folder, and knows the checksums of the tutorial's."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from common.errors import AssetError, ModelError
from common.runtime.install import MODEL_COMMAND
from infer.settings import MODEL_FOLDER, NO_MODEL

CLASS_LIST = "object_detection_classes_coco.txt"
CLASSES = 90
NOT_FETCHED = "not-fetched.txt"  # `make run` leaves it in a model's folder: why it failed to fetch one


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a downloaded file must be.

    Attributes:
        algorithm: Name of a hashlib algorithm.
        digest: Expected digest, hexadecimal.
        size: Expected size in bytes, 0 where it is not pinned.
    """

    algorithm: str
    digest: str
    size: int = 0

    def matches(self, path: Path) -> bool:
        """Return whether the file exists and has this digest."""
        return path.is_file() and self._of(path) == self.digest

    def check(self, path: Path) -> None:
        """Compare a file with the digest.

        Raises:
            AssetError: The file has another one.
        """
        if (got := self._of(path)) != self.digest:
            raise AssetError(
                f"{path.name}: expected {self.algorithm} {self.digest}, got {got} ({path.stat().st_size} bytes); "
                "removed; where it happens twice, do not trust the server"
            )

    def _of(self, path: Path) -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, self.algorithm).hexdigest()


WEIGHTS_NAME = "frozen_inference_graph.pb"
GRAPH_NAME = "mask_rcnn_inception_v2_coco_2018_01_28.pbtxt"
WEIGHTS_SUM = Checksum("sha1", "c8adff66a1e23e607f57cf1a7cfabad0faa371f9")
GRAPH_SUM = Checksum("sha256", "090923144d81b2e442093f965be27eccda11ce5f781eaf1c7ec76932ce99641e", 182_896)


def is_wanted(folder: Path) -> bool:
    """Return whether to use a Mask R-CNN: the user named a folder, or the default folder has a model."""
    return folder != NO_MODEL and (folder.absolute() != MODEL_FOLDER or bool(models_in(folder)))


def models_in(folder: Path) -> list[Path]:
    """Return the files of a folder that hold weights, of any kind of Mask R-CNN."""
    return sorted(path for ending in (".onnx", ".pb") for path in _ending_with(folder, ending))


def why_not_fetched(folder: Path) -> str:
    """Return, in brackets, why the first start fetched no model into a folder; "" if it left no note."""
    note = folder / NOT_FETCHED
    try:
        reason = note.read_text(errors="replace").strip()
    except OSError:  # there is none, or it may not be read
        reason = ""
    return f" ({reason})" if reason else ""


class ModelFiles(NamedTuple):
    """The files that cv2.dnn reads."""

    weights: Path
    graph: Path


def find_onnx(folder: Path) -> Path | None:
    """Return the file of a folder that ONNX Runtime reads, None if there is none.

    Raises:
        ModelError: The file is empty, or there are several.
    """
    return _only(folder, ".onnx") if _ending_with(folder, ".onnx") else None


def find_model(folder: Path) -> ModelFiles:
    """Return the files of a folder that cv2.dnn reads.

    Raises:
        ModelError: A file is missing or empty, or there are several of a kind.
    """
    files = ModelFiles(_only(folder, ".pb", "one .onnx, or one .pb with its .pbtxt"), _only(folder, ".pbtxt"))
    _check_classes(folder / CLASS_LIST)
    return files


def _ending_with(folder: Path, ending: str) -> list[Path]:
    """Return the files of a folder with this ending, but for those whose names begin with a dot; [] if it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ending and not path.name.startswith("."))
    except OSError:
        return []


def _only(folder: Path, ending: str, expected: str = "") -> Path:
    files = _ending_with(folder, ending)
    if len(files) != 1:
        is_open = os.access(folder, os.R_OK | os.X_OK)
        got = f"{len(files)} {ending}" if is_open else "no permission" if folder.is_dir() else "no such folder"
        raise ModelError(
            f"--mask-rcnn: expected a folder with exactly {expected or f'one {ending}'}, got {got} in {folder}; "
            f"run `{MODEL_COMMAND}` or name another folder"
        )
    if not files[0].is_file() or files[0].stat().st_size == 0:
        raise ModelError(f"--mask-rcnn: {files[0]} is empty, or no file; fetch the model again ({MODEL_COMMAND})")
    return files[0]


def _check_classes(path: Path) -> None:
    lines = path.read_text().split("\n") if path.is_file() else []
    names = [line.strip() for line in lines if line.strip()]
    if len(names) < CLASSES or names[0] != "person":
        raise ModelError(
            f"--mask-rcnn: expected {CLASSES} class names, the first `person`, one a line, in {path}, "
            f"got {len(names) if path.is_file() else 'no such file'}; restore it from this project or from the model"
        )
