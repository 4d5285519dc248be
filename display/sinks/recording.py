"""The sink that writes every composite and its facts to a folder: `frames/NNNNNNNN.png` (lossless) and `frames.jsonl`."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2

from common.errors import DisplayError
from common.ipc.messages import FrameComposed
from common.runtime.private_files import write_private
from common.vision.arrays import BgrImage
from display.meter import Meter, describe
from display.sinks.sink import UnattendedSink
from display.sinks.whole_file import WholeFile, make_free, make_writable_folder
from display.sinks.writer_thread import WriterThread

STATUS_EVERY_S = 5.0
ROW_BYTES = 1000  # what the facts of a picture take in memory
BUSY = 0.25  # share of the waiting bytes from which on pictures are written without compression, which is faster

log = logging.getLogger("onlyme")


class Shown(NamedTuple):
    """A picture that was shown, (H, W, 3) uint8 BGR, or None if it is not kept; and the facts about it."""

    picture: BgrImage | None
    row: dict[str, object]


class RecordSink(UnattendedSink):
    """Writes files in a thread. A picture for which too many wait is counted and left out, with its line in frames.jsonl.

    Nothing is overwritten: `recording-2` follows a folder `recording` that holds a recording.

    Raises:
        DisplayError: No folder was named, or it cannot be written.
    """

    local = True

    def __init__(self, out: Path | None, images: str) -> None:
        if out is None:
            raise DisplayError("--sink record: expected a folder to write, got none; add --out DIR")
        try:
            make_writable_folder(out)
        except OSError as error:
            raise DisplayError(f"--out: cannot write to {out} ({error.strerror}); name another folder") from None
        self._out, self._images = out.resolve(), images == "all"
        self.recorded = self.left_out = 0
        self._said_at = time.monotonic()
        self._thread = WriterThread("record", out, self._write)

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink."""
        row: dict[str, object] = {
            "source_index": message.frame.source_index,
            "captured_ns": message.frame.captured_ns,
            "shown_ns": time.monotonic_ns(),
            "mask_age_ms": message.mask_age_ms if message.mask_age_ms >= 0 else None,
            "state": message.state,
            "reason": message.reason,
            "epoch": message.frame.epoch,
            "frame_id": message.frame.frame_id,
        }
        kept = picture.copy() if self._images else None
        if not self._thread.put(Shown(kept, row), ROW_BYTES if kept is None else kept.nbytes):
            self.left_out += 1
        if time.monotonic() - self._said_at > STATUS_EVERY_S:
            self._said_at = time.monotonic()
            log.info("%s, %d recorded, %d left out", describe(message, meter.read()), self.recorded, self.left_out)

    def blank(self, why: str) -> None:
        """See Sink."""
        log.warning("%s", why)

    def close(self) -> None:
        """See Sink."""
        try:
            self._thread.close()
        finally:
            if self.recorded or self.left_out:
                log.info("%d pictures recorded, %d left out", self.recorded, self.left_out)

    def _write(self, items: Iterator[Shown]) -> None:
        folder: Folder | None = None
        try:
            for shown in items:
                folder = folder or make_free(self._out, Folder)
                folder.add(shown, compress=self._thread.fill < BUSY)
                if not self.recorded:
                    self._thread.began(folder.path)
                self.recorded += 1
        finally:
            if folder is not None:
                folder.close()


class Folder:
    """One folder of a recording that is being written. A line of frames.jsonl names only a picture that is written.

    Raises:
        FileExistsError: It holds a recording, or is no folder.
        OSError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._number = path, 0
        frames = path / "frames"
        for folder in (path, frames):
            folder.mkdir(mode=0o700, exist_ok=True)
        if any(frames.iterdir()):
            raise FileExistsError(frames)
        self._lines = WholeFile(path / "frames.jsonl")

    def add(self, shown: Shown, *, compress: bool) -> None:
        """Write a picture, then the line that names it."""
        file = None
        if shown.picture is not None:
            file = f"frames/{self._number:08d}.png"
            png = cv2.imencode(".png", shown.picture, [cv2.IMWRITE_PNG_COMPRESSION, int(compress)])[1]
            write_private(self.path / file, png.tobytes())
        self._lines.append(json.dumps({"file": file, **shown.row}).encode() + b"\n")
        self._number += 1

    def close(self) -> None:
        """Finish the list."""
        self._lines.close()
