"""The sink that writes every composite and its facts to a folder: `frames/NNNNNNNN.png` (lossless) and `frames.jsonl`."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from pathlib import Path

import cv2

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.runtime.private_files import make_folder
from common.vision.arrays import BgrImage
from display.meter import Meter, describe
from display.sinks.sink import UnattendedSink

QUEUE_SIZE = 32  # pictures between the loop and the disk; 88 MB at 720p
STATUS_EVERY_S = 5.0

log = logging.getLogger("onlyme")


class RecordSink(UnattendedSink):
    """Writes files in a thread. A picture for which its queue is full is counted and left out, with its line in frames.jsonl.

    Raises:
        DisplayError: No folder was named, it cannot be written, or it already holds a recording.
    """

    local = True

    def __init__(self, out: Path | None, images: str) -> None:
        if out is None:
            raise DisplayError("--sink record: expected a folder to write, got none; add --out DIR")
        try:
            make_folder(out / "frames")
            if any((out / "frames").iterdir()) or (out / "frames.jsonl").exists():
                raise DisplayError(
                    f"--out: expected a new or empty folder, got {out}, which holds a recording; name another"
                )
            self._lines = (out / "frames.jsonl").open("w")
        except OSError as error:
            raise DisplayError(f"--out: cannot write to {out} ({error.strerror}); name another folder") from None
        self._out, self._images = out, images == "all"
        self._queue: queue.Queue[tuple[str, BgrImage] | None] = queue.Queue(QUEUE_SIZE)
        self._number = self.left_out = 0
        self._said_at = time.monotonic()
        self._thread = threading.Thread(target=self._write, name="png", daemon=True)
        self._thread.start()

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        shown_ns = time.monotonic_ns()
        file = f"frames/{self._number:08d}.png" if self._images else None
        if file is not None:
            try:
                self._queue.put_nowait((file, picture.copy()))
            except queue.Full:
                self.left_out += 1
                return
        self._number += 1
        row = {
            "file": file,
            "source_index": message.frame.source_index,
            "captured_ns": message.frame.captured_ns,
            "shown_ns": shown_ns,
            "mask_age_ms": message.mask_age_ms if message.mask_age_ms >= 0 else None,
            "state": message.state,
            "reason": message.reason,
            "epoch": message.frame.epoch,
            "frame_id": message.frame.frame_id,
        }
        self._lines.write(json.dumps(row) + "\n")
        if time.monotonic() - self._said_at > STATUS_EVERY_S:
            self._said_at = time.monotonic()
            log.info("%s, %d recorded, %d left out", describe(message, meter.read()), self._number, self.left_out)

    def blank(self, why: str) -> None:
        """See Sink."""
        log.warning("%s", why)

    def close(self) -> None:
        """See Sink."""
        self._queue.put(None)
        self._thread.join()
        self._lines.close()
        log.info("%d pictures recorded in %s, %d left out", self._number, self._out, self.left_out)

    def _write(self) -> None:
        while (item := self._queue.get()) is not None:
            file, picture = item
            # a queue that fills is written without compression, which is faster; both are lossless
            level = 1 if self._queue.qsize() < QUEUE_SIZE // 4 else 0
            cv2.imwrite(str(self._out / file), picture, [cv2.IMWRITE_PNG_COMPRESSION, level])
