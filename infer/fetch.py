"""Fetches a Mask R-CNN into `mask-rcnn-coco/`, for `make model` and `make model-tutorial`.

The small one, MaskRCNN2Go, consists of two Caffe2 files, which are converted to ONNX at once. The weights of the
tutorial's are in a tar archive of TensorFlow, its graph is in OpenCV's test data. All files are fetched over https.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from common.errors import AssetError, UserError
from common.runtime.install import SHIPPED_MODEL_FOLDER
from infer.download import Pinned, download, put_in_place, unpack, writing
from infer.model_folder import (
    CLASS_LIST,
    GRAPH_NAME,
    GRAPH_SUM,
    NOT_FETCHED,
    WEIGHTS_NAME,
    WEIGHTS_SUM,
    Checksum,
    models_in,
)
from infer.settings import MODEL_FOLDER

FOLDER = MODEL_FOLDER
SMALL_URL = "https://raw.githubusercontent.com/facebookarchive/models/7e196ddaec6df39792689df71972f9f4c1314886/mask_rcnn_2go/model/int8"
SMALL: Mapping[str, Pinned] = {
    "model.pb": Pinned(
        f"{SMALL_URL}/model.pb",
        Checksum("sha256", "9ebb05d8981f18f0da81e4b72a32e6507e67a4ae7d52b51fdb736b21d024de1f", 25_424),
    ),
    "model_init.pb": Pinned(
        f"{SMALL_URL}/model_init.pb",
        Checksum("sha256", "535faf6ba4f724f7b1b9b6ddd35b7c77048b7c44d7027fa1bb4941e5388fbc79", 3_802_460),
    ),
}
SMALL_NAME = "mask_rcnn_2go_coco.onnx"
ARCHIVE = Pinned(
    "https://storage.googleapis.com/download.tensorflow.org/models/object_detection/mask_rcnn_inception_v2_coco_2018_01_28.tar.gz",
    Checksum("sha256", "4f57861c2ff1c87e92495789ee266e41a7dc79a038521d93a153be403b0b601f", 177_817_887),
)
GRAPH = Pinned(
    "https://raw.githubusercontent.com/opencv/opencv_extra/4.x/testdata/dnn/mask_rcnn_inception_v2_coco_2018_01_28.pbtxt",
    GRAPH_SUM,
)


def fetch_small(folder: Path, files: Mapping[str, Pinned] = SMALL) -> None:
    """Fetch the small Mask R-CNN into `folder` as ONNX. Does nothing if the folder holds another model.

    Args:
        folder: Folder of the model. A folder in it holds the downloaded files until all are complete.
        files: Files of MaskRCNN2Go.

    Raises:
        AssetError: A file cannot be fetched or written.
        ModelError: The files are not those of MaskRCNN2Go.
    """
    others = [path for path in models_in(folder) if path.name != SMALL_NAME]
    if others:
        print(f"model: {others[0]} is there: nothing is fetched beside it; move it away for the small Mask R-CNN")
        return
    with _alone_in(folder):
        parts = folder / "parts"
        with writing(parts):
            parts.mkdir(exist_ok=True)
        for name, pinned in files.items():
            download(pinned, parts / name)
        from infer.to_onnx import write_onnx  # imports onnx, which only a download needs

        write_onnx(parts, parts / SMALL_NAME)
        put_in_place(parts / SMALL_NAME, folder / SMALL_NAME)
        with writing(folder):
            shutil.rmtree(parts)
            (folder / NOT_FETCHED).unlink(missing_ok=True)
    print(f"model: a small Mask R-CNN is in {folder}")


def fetch_tutorial(
    folder: Path, archive: Pinned = ARCHIVE, graph: Pinned = GRAPH, weights: Checksum = WEIGHTS_SUM
) -> None:
    """Fetch weights and graph of the tutorial's model into `folder`. Does nothing if its parent folder holds them.

    Raises:
        AssetError: A file cannot be fetched or written.
    """
    for filled in (folder.parent, folder):
        if weights.matches(filled / WEIGHTS_NAME) and graph.checksum.matches(filled / GRAPH_NAME):
            print(f"model: the tutorial's Mask R-CNN is in {filled} already")
            return
    with _alone_in(folder):
        download(graph, folder / GRAPH_NAME)
        if not weights.matches(folder / WEIGHTS_NAME):
            packed = download(archive, folder / "model.tar.gz")
            unpack(packed, WEIGHTS_NAME, folder / WEIGHTS_NAME, weights)
            packed.unlink()
    print(f"model: the tutorial's Mask R-CNN is in {folder}; -m {folder} uses it")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Create the folder of a model with its class list, and lock it against other programs that fetch."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / CLASS_LIST).exists():
            shutil.copyfile(SHIPPED_MODEL_FOLDER / CLASS_LIST, folder / CLASS_LIST)
        lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AssetError(f"{folder}: another program is fetching into it; wait for its end") from None
        yield
    finally:
        os.close(lock)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m infer.fetch", description="Fetch a Mask R-CNN.")
    parser.add_argument("model", choices=["small", "tutorial"])
    model = parser.parse_args().model
    try:
        if model == "small":
            fetch_small(FOLDER)
        else:
            fetch_tutorial(FOLDER / "tutorial")
    except UserError as error:
        sys.exit(f"model: {error}")


if __name__ == "__main__":
    main()
