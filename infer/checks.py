"""What `python -m common.doctor` checks for infer: the devices that a network can run on, and the Mask R-CNN."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from common.errors import ModelError
from common.findings import Finding, Level
from common.readable import readable
from common.runtime.install import MODEL_COMMAND
from infer.devices import available
from infer.model_folder import (
    GRAPH_SUM,
    WEIGHTS_SUM,
    find_model,
    find_onnx,
    is_wanted,
    models_in,
    why_not_fetched,
)
from infer.settings import AUTO, NO_MODEL, InferSettings

GET_A_MODEL = f"{MODEL_COMMAND}, or set ONLYME_MASK_RCNN"


def checks(settings: InferSettings) -> list[Finding]:
    """Check what a worker with these settings needs."""
    return [check_devices(settings.device), check_model(settings.mask_rcnn)]


def check_devices(device: str) -> Finding:
    """Check that ONNX Runtime was built for `device`, a value of `--device`."""
    here = available()
    found = f"ONNX Runtime {onnxruntime.__version__} for {', '.join(here)}"
    if device not in (AUTO, *here):
        hint = f"install a build of ONNX Runtime for {device} in its place, or ONLYME_DEVICE=auto"
        return Finding("devices", Level.FAIL, f"{found}; {device} is asked for", hint)
    return Finding("devices", Level.OK, found)


def check_model(folder: Path) -> Finding:
    """Check the files of the Mask R-CNN in a folder, and the checksums where it is the tutorial's own."""
    if folder == NO_MODEL:
        return Finding("model", Level.OK, "none is wanted: the embedded detector finds people")
    if not is_wanted(folder):
        found = (
            f"no Mask R-CNN in {folder}{why_not_fetched(folder)}: the embedded detector finds people, "
            "may miss a back or a limb alone, and finds no things"
        )
        return Finding("model", Level.NOTE, found, GET_A_MODEL)
    try:
        with readable("--mask-rcnn", folder, ModelError):
            if (file := find_onnx(folder)) is not None:
                return Finding("model", Level.OK, _describe_onnx(file))
            weights, graph = find_model(folder)
            is_pinned = WEIGHTS_SUM.matches(weights) and GRAPH_SUM.matches(graph)
    except ModelError as error:
        return Finding("model", Level.FAIL, str(error), GET_A_MODEL)
    if is_pinned:
        return Finding("model", Level.OK, f"the tutorial's Mask R-CNN in {folder}, checksums match")
    size = weights.stat().st_size / 2**20
    return Finding(
        "model", Level.OK, f"{weights.name} ({size:.1f} MiB) in {folder}, not the tutorial's: no checksum to compare"
    )


def _describe_onnx(file: Path) -> str:
    beside = [path.name for path in models_in(file.parent) if path != file]
    unused = f"; {', '.join(beside)} beside it is not used" if beside else ""
    return f"{file.name} ({file.stat().st_size / 2**20:.1f} MiB) in {file.parent}{unused}"
