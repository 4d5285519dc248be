"""Opens the detector: a Mask R-CNN together with the embedded detector, or the embedded detector alone."""

from __future__ import annotations

import logging

from common.errors import AssetError, ConfigError, ModelError
from common.readable import readable
from common.runtime.install import MODEL_COMMAND
from common.settings.recording import LIVE
from infer.combined_detector import CombinedDetector
from infer.detector_protocol import Detector
from infer.embedded.detector import EmbeddedDetector
from infer.model_folder import find_onnx, is_wanted, models_in
from infer.settings import AUTO, CPU, InferSettings
from infer.timed_inference import inference_ms

log = logging.getLogger("onlyme")


def open_detector(settings: InferSettings) -> Detector:
    """Open the Mask R-CNN of `--mask-rcnn` together with the embedded detector.

    With `none`, or if the default folder is empty, the embedded detector is opened alone.

    Raises:
        ModelError: The folder was given or holds weights, but cannot be used.
        ConfigError: The device cannot be used, or needs a Mask R-CNN in an .onnx file and there is none.
        AssetError: There is no Mask R-CNN, and the embedded detector cannot be fetched either.
    """
    if not is_wanted(settings.mask_rcnn):
        _on_processor_only(settings, "the embedded detector")
        return EmbeddedDetector(settings.confidence)
    return _beside_the_small_networks(open_mask_rcnn(settings), settings)


def open_mask_rcnn(settings: InferSettings) -> Detector:
    """Open the Mask R-CNN of a folder. Only the library that its file needs is imported.

    Raises:
        ModelError, ConfigError: See `open_detector`.
    """
    with readable("--mask-rcnn", settings.mask_rcnn, ModelError):
        return _open_mask_rcnn(settings)


def _open_mask_rcnn(settings: InferSettings) -> Detector:
    if (file := find_onnx(settings.mask_rcnn)) is not None:
        from infer.device_choice import open_on_best_device

        if others := [path.name for path in models_in(settings.mask_rcnn) if path != file]:
            log.info("%s holds %s and %s: the .onnx is used", settings.mask_rcnn, file.name, ", ".join(others))
        return open_on_best_device(file, settings)
    from infer.mask_rcnn import MaskRcnn

    _on_processor_only(settings, "a .pb with its .pbtxt")
    network = MaskRcnn(settings)
    if settings.pace == LIVE:  # in a recording nothing depends on it, and each worker would spend two more passes
        log.info("an inference takes %.0f ms on cpu", inference_ms(network.detect))
    return network


def _on_processor_only(settings: InferSettings, what: str) -> None:
    if settings.device not in (AUTO, CPU):
        raise ConfigError(
            f"--device {settings.device}: expected auto or cpu for {what}, got another; devices are for a Mask R-CNN in an "
            f".onnx file ({MODEL_COMMAND}, or -m FOLDER)"
        )


def _beside_the_small_networks(detector: Detector, settings: InferSettings) -> Detector:
    try:
        return CombinedDetector(detector, settings.threshold, settings.confidence)
    except AssetError as error:
        log.warning("people who stand close are told apart by the Mask R-CNN alone: %s", error)
        return detector
