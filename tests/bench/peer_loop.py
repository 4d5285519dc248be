"""A privacy filter as people build it: a selfie matte a frame, GaussianBlur, a blend in numpy. Runs in an environment of its own.

    python peer_loop.py CLIP SECONDS

Plays CLIP at its own rate, as far as it keeps up, and prints a JSON object: pictures shown, seconds, CPU seconds.
"""

from __future__ import annotations

import importlib
import json
import sys
import time

import cv2
import numpy as np

KERNEL = (41, 41)  # the tutorial's
SETTLE_S = 3.0


def main() -> None:
    """Filter frames until the time is over."""
    clip, seconds = sys.argv[1], float(sys.argv[2])
    selfie = importlib.import_module("mediapipe").solutions.selfie_segmentation.SelfieSegmentation(model_selection=1)
    video = cv2.VideoCapture(clip)
    period_s = 1 / (video.get(cv2.CAP_PROP_FPS) or 30.0)
    shown, begun, spent_s, due = 0, time.monotonic(), time.process_time(), time.monotonic()
    settled = False
    while (now := time.monotonic()) - begun < seconds:
        if not settled and now - begun > SETTLE_S:
            settled, shown, begun, spent_s, seconds = True, 0, now, time.process_time(), seconds - SETTLE_S
        time.sleep(max(0.0, due - now))
        late = int((time.monotonic() - due) / period_s)  # a camera does not wait
        due += (1 + max(0, late)) * period_s
        for _ in range(max(0, late)):
            video.grab()
        ok, frame = video.read()
        if not ok:
            video.set(cv2.CAP_PROP_POS_FRAMES, 0)
            continue
        matte = selfie.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)).segmentation_mask[..., None]
        hidden = cv2.GaussianBlur(frame, KERNEL, 0)
        (frame * matte + hidden * (1 - matte)).astype(np.uint8)
        shown += 1
    took_s = time.monotonic() - begun
    print(json.dumps({"shown": shown, "seconds": took_s, "cpu_s": time.process_time() - spent_s}))


if __name__ == "__main__":
    main()
