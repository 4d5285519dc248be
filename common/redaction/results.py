"""Keeps what was found in each frame that was looked at, so that an interrupted redaction goes on where it was.

The file has one JSON object a line. The first is the header: the version that made the file, and a key (key.py) over
everything that the results depend on. Each further line is the result of one frame. Only whole lines count: a process
that was killed leaves at most one torn line, the last.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import time
import zlib
from collections.abc import Iterator, Set
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from common.errors import AlreadyRunningError, ConfigError, MessageError
from common.ipc.messages import MasksInferred
from common.ipc.records import DetectorKind, FrameInfo, Instance

PATIENCE_S = 10.0  # for the last writer of the file to end: stages end within 2 s of the process that started them
RETRY_S = 0.05

MALFORMED = (ValueError, KeyError, TypeError, RecursionError)  # what a line raises that is not one of ours


class ResultsFile:
    """The results of one recording, by the number of the frame; on the disk, but for where each of them lies.

    Args:
        path: A file that `create` made.
        writes: Hold the file's lock, take a torn last line off, and add results. Else only what is there is read.

    Raises:
        ConfigError: The file cannot be opened, or does not begin with a header.
        AlreadyRunningError: Another process writes it, and goes on doing so.
    """

    def __init__(self, path: Path, *, writes: bool = False) -> None:
        self._path = path
        try:
            self._fd = os.open(path, (os.O_RDWR | os.O_APPEND if writes else os.O_RDONLY) | os.O_CLOEXEC)
        except OSError as error:
            raise _unusable(path, error.strerror or "it cannot be opened") from None
        with ExitStack() as on_failure:
            on_failure.callback(os.close, self._fd)
            if writes:
                _lock(self._fd, path)
            self._places, end = _read(self._fd, path)
            if writes:
                os.ftruncate(self._fd, end)
            on_failure.pop_all()

    @classmethod
    def create(cls, path: Path, key: str, version: str) -> None:
        """Make a file without results that only its owner may read.

        Raises:
            FileExistsError: There is one.
            OSError: It cannot be made.
        """
        header = json.dumps({"onlyme": version, "key": key}) + "\n"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, header.encode())
        except OSError:  # a full disk: a file without a header would be taken for somebody else's
            path.unlink()
            raise
        finally:
            os.close(fd)

    @property
    def known(self) -> Set[int]:
        """Numbers of the frames whose results are in the file."""
        return self._places.keys()

    def add(self, result: MasksInferred) -> None:
        """Write the result of a frame, unless it has one.

        Raises:
            OSError: It cannot be written, as on a full disk.
        """
        if result.frame_id in self._places:
            return
        line = _line_of(result)
        at = os.fstat(self._fd).st_size
        if os.write(self._fd, line) != len(line):  # the disk became full
            os.ftruncate(self._fd, at)
            os.write(self._fd, line)  # raises what is wrong
        self._places[result.frame_id] = (at, len(line))

    def result_of(self, frame: FrameInfo) -> MasksInferred | None:
        """Return the result of a frame as its worker sent it, but with the epoch and time of `frame`; None if it has none.

        Raises:
            ConfigError: The line is none that `add` wrote.
        """
        place = self._places.get(frame.frame_id)
        if place is None:
            return None
        at, length = place
        try:
            return _result_of(json.loads(os.pread(self._fd, length, at)), frame)
        except (*MALFORMED, zlib.error, MessageError):
            raise _unusable(self._path, f"a broken result of frame {frame.frame_id}") from None

    def close(self) -> None:
        """Close the file and release its lock."""
        os.close(self._fd)

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def key_in(path: Path) -> str | None:
    """Return the key of a file of results, None where there is no file, or an empty one: its maker was killed, and it is removed.

    Raises:
        ConfigError: The file does not begin with a header, so it may be somebody else's.
    """
    if not path.exists():
        return None
    if path.stat().st_size == 0:
        path.unlink()
        return None
    with _opened(path) as file:
        return _key_of(file.readline(), path)


def model_in(path: Path) -> str | None:
    """Return the name of the networks that made the results of a file, None where there are none.

    Raises:
        ConfigError: The file cannot be opened, or does not begin with a header.
    """
    with _opened(path) as file:
        _key_of(file.readline(), path)
        first = file.readline()
    try:
        return str(json.loads(first)["model"]) if first.endswith(b"\n") else None
    except MALFORMED:
        return None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unusable(path, error.strerror or "it cannot be opened") from None
    with file:
        yield file


def _key_of(header: bytes, path: Path) -> str:
    """Return the key in the first line of a file of results."""
    try:
        found = json.loads(header)
        if isinstance(found["key"], str) and "onlyme" in found:
            return str(found["key"])
    except MALFORMED:
        pass
    raise _unusable(path, "no header in its first line")


def _unusable(path: Path, got: str) -> ConfigError:
    return ConfigError(
        f"--results: expected a file that onlyme redact made, got {path} ({got}); move it away, or name another"
    )


def _lock(fd: int, path: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise AlreadyRunningError(
                    f"--results: expected to be the only one that writes {path}, but another process does; wait for its "
                    "end, or name another output"
                ) from None
        time.sleep(RETRY_S)


@contextmanager
def _reading(fd: int) -> Iterator[BinaryIO]:
    """Open a second view of a file from its beginning; the descriptor stays open."""
    with open(fd, "rb", closefd=False) as file:
        file.seek(0)
        yield file


def _read(fd: int, path: Path) -> tuple[dict[int, tuple[int, int]], int]:
    """Return the place and length of each result by its frame's number, and where the last whole line ends."""
    places: dict[int, tuple[int, int]] = {}
    with _reading(fd) as file:
        first = file.readline()
        _key_of(first, path)
        end = len(first)
        for line in file:
            try:
                number = json.loads(line)["number"]
            except MALFORMED:
                break
            if not line.endswith(b"\n") or type(number) is not int:
                break
            places.setdefault(number, (end, len(line)))
            end += len(line)
    return places, end


def _line_of(result: MasksInferred) -> bytes:
    row = {
        "number": result.frame_id,
        "model": result.model,
        "detector": str(result.detector),
        "worker": result.worker,
        "inference_ns": result.inference_ns,
        "cpu_ns": result.cpu_ns,
        "instances": [_row_of(instance) for instance in result.instances],
    }
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def _row_of(instance: Instance) -> dict[str, object]:
    return {
        "class": instance.class_id,
        "score": instance.score,
        "box": instance.box_xyxy,
        "map": [instance.map_height, instance.map_width],
        "sign": instance.is_sign,
        "probability": base64.b64encode(zlib.compress(instance.probability, 1)).decode(),
    }


def _result_of(row: dict[str, Any], frame: FrameInfo) -> MasksInferred:
    return MasksInferred(
        epoch=frame.epoch,
        frame_id=frame.frame_id,
        captured_ns=frame.captured_ns,
        inference_ns=row["inference_ns"],
        worker=row["worker"],
        model=row["model"],
        instances=tuple(_instance_of(each) for each in row["instances"]),
        cpu_ns=row["cpu_ns"],
        detector=DetectorKind(row["detector"]),
    )


def _instance_of(row: dict[str, Any]) -> Instance:
    height, width = row["map"]
    probability = zlib.decompress(base64.b64decode(row["probability"], validate=True))
    x0, y0, x1, y1 = row["box"]
    return Instance(row["class"], row["score"], (x0, y0, x1, y1), height, width, probability, row["sign"])
