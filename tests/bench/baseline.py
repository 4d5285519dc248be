"""The tutorial's loop: newest frame, one forward pass, blur, paste the surest person, and again. What onlyme is measured
against where the shared loop is not there, with whatever model is."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from common.ipc.records import Instance
from compose.picture import alpha
from infer.detector_protocol import Detector
from infer.embedded.detector import EmbeddedDetector
from infer.mask_rcnn import MaskRcnn
from infer.settings import InferSettings

KERNEL = 41
WIDTH = 600
SURE = 0.5
CUT = 0.3


Picture = NDArray[np.uint8]


def frames_of(clip: Path) -> tuple[list[Picture], float]:
    """All pictures of a video and its rate, decoded beforehand: a camera costs the loop nothing."""
    video = cv2.VideoCapture(str(clip))
    pictures = []
    while (item := video.read())[0]:
        pictures.append(np.asarray(item[1], np.uint8))
    fps = video.get(cv2.CAP_PROP_FPS)
    video.release()
    if not pictures:
        sys.exit(f"baseline: {clip}: expected a video, got nothing that can be read; name another with --clip")
    return pictures, fps


def paste(into: Picture, picture: Picture, person: Instance) -> None:
    """The person as sharp as in `picture`, by the nearest cell of the probability map."""
    opacity, (x0, y0, x1, y1), _ = alpha.of_instance(person, (picture.shape[1], picture.shape[0]), CUT, "hard")
    kept = opacity > 0
    into[y0:y1, x0:x1][kept] = picture[y0:y1, x0:x1][kept]


def main() -> None:
    """Play a clip at its own rate, writing what a recording says of each picture."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.baseline")
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    detector: Detector = EmbeddedDetector(SURE)
    if list(args.model.glob("*.pb")):
        detector = MaskRcnn(InferSettings(mask_rcnn=args.model, proposals=0, detections=0))
    pictures, fps = frames_of(args.clip)
    args.out.mkdir(parents=True, exist_ok=True)
    begun_ns = time.monotonic_ns()
    with (args.out / "frames.jsonl").open("w") as log:
        while (now_ns := time.monotonic_ns()) < begun_ns + args.seconds * 1e9:
            index = int((now_ns - begun_ns) / 1e9 * fps)
            picture = pictures[index % len(pictures)]
            size_wh = (WIDTH, round(picture.shape[0] * WIDTH / picture.shape[1]))
            picture = np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
            people = [i for i in detector.detect(picture) if i.class_id == 0 and i.score > SURE]
            shown = cv2.GaussianBlur(picture, (KERNEL, KERNEL), 0)
            if people:
                paste(shown, picture, max(people, key=lambda i: i.score))
            row: dict[str, object] = {"source_index": index, "captured_ns": begun_ns + int(index / fps * 1e9)}
            row |= {"shown_ns": time.monotonic_ns(), "mask_age_ms": 0.0, "state": "live"}
            log.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
