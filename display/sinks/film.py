"""The sink that writes the film of a recording: every frame, at its own time, with its sound and subtitles (`--pace every`)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av.error import FFmpegError

from common.errors import DisplayError
from common.ipc.messages import LOST, FrameComposed
from common.vision.arrays import BgrImage
from display.film.containers import ENCODERS, FORMATS, can_hold, can_hold_pictures
from display.film.original import Original, describe
from display.film.part_file import PartFile
from display.film.writer import FilmWriter
from display.meter import Meter
from display.settings import DisplaySettings
from display.sinks.sink import UnattendedSink, one_line

log = logging.getLogger("onlyme")


class FilmSink(UnattendedSink):
    """Writes `--out` under another name, and gives it its own when the film is whole. Otherwise nothing is left.

    Nothing is overwritten but what a call that was killed has left unfinished.

    Args:
        settings: `out`, `source`, `codec`, `quality`, `sound` and `metadata` are used.

    Raises:
        DisplayError: No file was named, it is there already or cannot be written, or it cannot hold what it should.
        SourceError: The recording cannot be read.
    """

    def __init__(self, settings: DisplaySettings) -> None:
        self._out, self._settings = _film_path(settings.out), settings
        self._suffix = self._out.suffix.lower()
        self._encoder = ENCODERS[settings.codec]
        self._original = Original(Path(settings.source).expanduser(), with_sound=settings.sound == "copy")
        self._writer: FilmWriter | None = None
        self._next = 0
        self._shape: tuple[int, ...] = ()
        self._refuse_tracks()
        self._file = PartFile(self._out)

    def show(self, picture: BgrImage, message: FrameComposed, meter: Meter) -> None:
        """See Sink. Encodes the picture before it returns, so that nothing waits that could be lost.

        Raises:
            DisplayError: A frame is missing, is of another size, or cannot be written.
        """
        number = message.frame.source_index
        if number != self._next or message.state == LOST:
            got = "a card" if message.state == LOST else f"frame {number}"
            raise DisplayError(f"--sink video: expected frame {self._next} of the recording, got {got}; start again")
        self._next += 1
        self._shape = self._shape or picture.shape
        if picture.shape != self._shape:
            raise DisplayError(
                f"--sink video: expected frame {number} as large as those before, {self._shape[1]} x {self._shape[0]}, "
                f"got {picture.shape[1]} x {picture.shape[0]}; start again"
            )
        with self._written():
            if self._writer is None:
                self._writer = self._begin((picture.shape[1], picture.shape[0]))
            self._writer.add(message.frame.captured_ns, picture)

    def blank(self, why: str) -> None:
        """See Sink. A film has no cards: what is missing is waited for."""

    def end(self, count: int) -> None:
        """Finish the film, of `count` frames, and give it its name.

        Raises:
            DisplayError: Frames are missing, or it cannot be written.
        """
        if count != self._next or self._writer is None:
            raise DisplayError(f"--sink video: expected {count} frames of the recording, got {self._next}; start again")
        with self._written():
            self._writer.finish()
        self._file.keep()
        if self._writer.delay_s:
            log.info("the film is %.3f s later than the recording, which begins before 0", float(self._writer.delay_s))
        log.info("%d frames written to %s", count, self._out)

    def close(self) -> None:
        """See Sink. A film that is not whole is removed."""
        self._original.close()
        self._file.remove()

    def _begin(self, size_wh: tuple[int, int]) -> FilmWriter:
        settings = self._settings
        return FilmWriter(
            self._file,
            self._suffix,
            self._original,
            self._encoder,
            settings.quality,
            keeps_metadata=settings.metadata == "keep",
            size_wh=size_wh,
        )

    def _refuse_tracks(self) -> None:
        """Raise a DisplayError if the container cannot hold what it should: nothing is left out unasked."""
        suffix = self._suffix
        fit = [each for each in FORMATS if can_hold_pictures(each, self._encoder)]
        if suffix not in fit:
            codecs = [name for name, each in ENCODERS.items() if can_hold_pictures(suffix, each)]
            raise DisplayError(
                f"--codec: expected {' or '.join(codecs)}, which {suffix} can hold, got {self._settings.codec}; "
                f"choose that, or name a file {' or '.join(fit)}"
            )
        tracks = self._original.copied
        for track in tracks:
            if not can_hold(suffix, track):
                others = [each for each in fit if all(can_hold(each, track) for track in tracks)]
                instead = f"name a file {' or '.join(others)}, or " if others else ""
                raise DisplayError(
                    f"--out: expected a file that can hold {describe(track)} of the recording, got {suffix}; "
                    f"{instead}leave out sound and subtitles with --sound mute"
                )

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Make one clear line of what the disk or the encoder refuses inside."""
        try:
            yield
        except FFmpegError as error:
            raise DisplayError(f"--sink video: cannot go on writing {self._out} ({one_line(error)})") from None
        finally:
            self._file.check()  # of a disk that is full the encoder knows nothing


def _film_path(out: Path | None) -> Path:
    """Return the path of a film, if it can be one."""
    if out is None or out.suffix.lower() not in FORMATS:
        raise DisplayError(
            f"--sink video: expected a file {', '.join(FORMATS)} to write, got {out}; add --out film.mp4"
        )
    return out
