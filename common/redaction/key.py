"""Keys: what a file of results, and what a whole output, were made from. Another key means begin anew."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from common.errors import ModelError
from common.readable import readable
from common.redaction.settings import Texts
from common.runtime.install import version
from common.vision.assets import BODY, FACE, MATTE, POSE

EMBEDDED = (MATTE, POSE, BODY, FACE)  # networks of the embedded detector
MODEL_FILES = (".onnx", ".pb", ".pbtxt")
# which frames are looked at, and what is found in one; the folder of the model counts by its files
OF_RESULTS = ("look_every", "confidence", "threshold", "infer_width", "proposals", "detections", "device")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_sums(folder: Path) -> list[str]:
    """Return the SHA-256 of every file that finding people may depend on.

    Args:
        folder: That of --mask-rcnn; files that are no model's do not count, and it may not exist.

    Raises:
        ModelError: A file of the model cannot be read.
    """
    with readable("--mask-rcnn", folder, ModelError):
        files = sorted(path for path in folder.glob("*") if path.suffix in MODEL_FILES and path.is_file())
        return [asset.sha256 for asset in EMBEDDED] + [sha256_of(path) for path in files]


def results_key(source_sha256: str, settings: Texts) -> str:
    """Return the key of the results of a source.

    Raises:
        ModelError: See `model_sums`.
    """
    return _digest(
        source=source_sha256,
        version=version(),
        model=model_sums(Path(settings["mask_rcnn"]).expanduser()),
        settings={name: settings[name] for name in OF_RESULTS},
    )


def output_key(source_sha256: str, settings: Texts) -> str:
    """Return the key of the output that a source gives with these settings.

    Raises:
        ModelError: See `model_sums`.
    """
    others = {name: value for name, value in settings.items() if name != "mask_rcnn"}
    return _digest(results=results_key(source_sha256, settings), settings=others)


def _digest(**parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
