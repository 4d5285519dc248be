"""The folder of a Mask R-CNN: which files belong in it, and the checksums of the tutorial's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from common.errors import AssetError, ModelError
from infer.settings import MODEL_FOLDER, NO_MODEL

CLASS_LIST = "object_detection_classes_coco.txt"
CLASSES = 90
NOT_FETCHED = "not-fetched.txt"  # says in a model's folder why `make run` fetched none, and that it has tried


@dataclass(frozen=True, slots=True)
class Checksum:
    """Name of a hashlib algorithm, the expected hexadecimal digest, and the size in bytes where it is pinned, else 0."""

    algorithm: str
    digest: str
    size: int = 0

    def matches(self, path: Path) -> bool:
        """True where the file is there and has this digest."""
        return path.is_file() and self._of(path) == self.digest

    def check(self, path: Path) -> None:
        """Refuse a file with another digest.

        Raises:
            AssetError: It has.
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
    """Whether the Mask R-CNN of a folder is to be used: one was named, or the default folder has one."""
    return folder != NO_MODEL and (folder.absolute() != MODEL_FOLDER or bool(models_in(folder)))


def models_in(folder: Path) -> list[Path]:
    """Files with the weights of a Mask R-CNN of any kind."""
    return sorted(path for ending in ("*.onnx", "*.pb") for path in folder.glob(ending))


def why_not_fetched(folder: Path) -> str:
    """What a first start left to say of a folder without a model, in brackets; "" where it said nothing."""
    note = folder / NOT_FETCHED
    said = note.read_text(errors="replace").strip() if note.is_file() else ""
    return f" ({said})" if said else ""


class ModelFiles(NamedTuple):
    """What cv2.dnn reads."""

    weights: Path
    graph: Path


def find_onnx(folder: Path) -> Path | None:
    """The file of a folder that ONNX Runtime reads, None where there is none.

    Raises:
        ModelError: It is empty, or there are several.
    """
    return _only(folder, ".onnx") if list(folder.glob("*.onnx")) else None


def find_model(folder: Path) -> ModelFiles:
    """The files of a folder that cv2.dnn reads.

    Raises:
        ModelError: One is missing, empty, or there are several.
    """
    files = ModelFiles(_only(folder, ".pb", "one .onnx, or one .pb with its .pbtxt"), _only(folder, ".pbtxt"))
    _check_classes(folder / CLASS_LIST)
    return files


def _only(folder: Path, ending: str, expected: str = "") -> Path:
    files = sorted(folder.glob(f"*{ending}")) if folder.is_dir() else []
    if len(files) != 1:
        got = f"{len(files)} {ending}" if folder.is_dir() else "no such folder"
        raise ModelError(
            f"--mask-rcnn: expected a folder with exactly {expected or f'one {ending}'}, got {got} in {folder}; "
            "run `make model` or name another folder"
        )
    if not files[0].is_file() or files[0].stat().st_size == 0:
        raise ModelError(f"--mask-rcnn: {files[0]} is empty, or no file; fetch the model again (make model)")
    return files[0]


def _check_classes(path: Path) -> None:
    lines = path.read_text().split("\n") if path.is_file() else []
    names = [line.strip() for line in lines if line.strip()]
    if len(names) < CLASSES or names[0] != "person":
        raise ModelError(
            f"--mask-rcnn: expected {CLASSES} class names, the first `person`, one a line, in {path}, "
            f"got {len(names) if path.is_file() else 'no such file'}; restore it from this project or from the model"
        )
