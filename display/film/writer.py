"""Encodes the pictures of a film, and puts the copied sound and subtitles between them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from common.vision.arrays import BgrImage
from display.film.colours import PictureConverter
from display.film.containers import FORMATS, Encoder
from display.film.original import Original
from display.film.part_file import PartFile
from display.film.stamps import FrameStamps, common_rate, film_time_base

FALLBACK_RATE = 25  # pictures a second, for a recording that does not say; only hints depend on it
FIRST_REORDERED = 3  # fewer pictures are encoded in their own order
APPLES_HEVC = "hvc1"  # the one of the two names of HEVC in MP4 that Apple's players know
# what describes the file and not the recording, and would be wrong of another file
OF_THE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder", "rotate", "duration"}
# no mark of time or chance: the same pictures make the same bytes. Stamps are set here, and FFmpeg moves none
ALWAYS = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}


class FilmWriter:
    """Writes one film. Its pictures come upright and with square pixels, and are stored so.

    Args:
        file: What is written.
        suffix: Of the container, a key of `FORMATS`.
        original: The recording.
        encoder: Of the pictures.
        quality: The encoder's constant quality (CRF): lower is better, and larger.
        keeps_metadata: Whether what the recording says of itself is written too.
        size_wh: Of every picture, pixels.

    Raises:
        av.FFmpegError: The encoder or the container refuses something.
    """

    def __init__(
        self,
        file: PartFile,
        suffix: str,
        original: Original,
        encoder: Encoder,
        quality: int,
        *,
        keeps_metadata: bool,
        size_wh: tuple[int, int],
    ) -> None:
        self._original = original
        self._time_base = film_time_base(original.time_base)
        self._stamps = FrameStamps(self._time_base)
        self._durations: dict[int, int] = {}  # ticks, by stamp, of the frames that the encoder holds
        self._waiting: VideoFrame | None = None  # until its duration is known
        self._usual_duration = max(1, round(1 / (original.rate or FALLBACK_RATE) / self._time_base))
        self._lead: int | None = None  # ticks from the first picture's decoding time to its stamp
        self._is_mp4 = suffix in (".mp4", ".mov")
        options = dict(ALWAYS)
        if self._is_mp4:
            rates = [self._time_base.denominator, *map(_rate_of, original.copied)]
            options["movie_timescale"] = str(common_rate(rates))
            if keeps_metadata:
                options["movflags"] = "use_metadata_tags"  # else those without a place of their own are left out
        self._container = av.open(file, "w", format=FORMATS[suffix], container_options=options)
        self._video = self._add_pictures(encoder, quality, size_wh)
        if encoder.name == "libx265" and self._is_mp4:
            self._video.codec_context.codec_tag = APPLES_HEVC
        self._copies = {each.index: self._add_copy(each, keeps_metadata) for each in original.copied}
        if keeps_metadata:
            kept = {name: text for name, text in original.metadata.items() if name not in OF_THE_FILE}
            self._container.metadata.update(kept)
            self._container.set_chapters(original.chapters)
        self._converter = PictureConverter(original.colours, self._video.pix_fmt or "yuv420p")

    def add(self, captured_ns: int, picture: BgrImage) -> None:
        """Add the next picture of the recording, (H, W, 3) uint8 BGR. It is encoded when the one after it has come."""
        stamp, duration = self._stamps.next(captured_ns)
        if duration is not None:
            self._encode_waiting(duration)
            self._usual_duration = duration
        self._waiting = self._converter.frame(picture)
        self._waiting.pts, self._waiting.time_base = stamp, self._time_base

    def finish(self) -> None:
        """Write the last picture, all sound and subtitles that are left, and the end of the file."""
        if self._waiting is not None and self._waiting.pts is not None:
            last = self._waiting.pts
            self._mux_copies(last * self._time_base)  # by then the recording has said where its pictures end
            end_s = self._original.end_s
            end = last + self._usual_duration if end_s is None else round(end_s / self._time_base) + self._stamps.delay
            end = max(end, last + 1)
            self._encode_waiting(end - last)
            self._mux_rest(self._video.encode(None), end)
        self._mux_copies(None)
        self._container.close()

    @property
    def delay_s(self) -> Fraction:
        """By how many seconds the film is later than the recording."""
        return self._stamps.delay * self._time_base

    def _add_pictures(self, encoder: Encoder, quality: int, size_wh: tuple[int, int]) -> VideoStream:
        rate = self._original.rate or FALLBACK_RATE
        stream = self._container.add_stream(encoder.name, rate=rate, options={**encoder.options, "crf": str(quality)})
        if not isinstance(stream, VideoStream):
            raise TypeError(f"{encoder.name} encodes no pictures")
        stream.width, stream.height = size_wh
        # no stream of H.264 or HEVC has an odd side with colours of half the size
        halves = encoder.halves_odd or not any(side % 2 for side in size_wh)
        stream.pix_fmt = "yuv420p" if halves else "yuv444p"
        stream.time_base = stream.codec_context.time_base = self._time_base
        if encoder.threads:
            stream.codec_context.thread_count = encoder.threads
        colours, codec = self._original.colours, stream.codec_context
        codec.color_range, codec.colorspace = colours.range, colours.matrix
        codec.color_primaries, codec.color_trc = colours.primaries, colours.transfer
        stream.disposition = Disposition.default
        return stream

    def _add_copy(self, of: Stream, keeps_metadata: bool) -> Stream:
        stream = self._container.add_stream_from_template(of)
        kept = of.metadata if keeps_metadata else {k: v for k, v in of.metadata.items() if k == "language"}
        stream.metadata.update(kept)
        stream.disposition = of.disposition
        return stream

    def _encode_waiting(self, duration: int) -> None:
        if self._waiting is not None and self._waiting.pts is not None:
            self._durations[self._waiting.pts] = duration
            frame, self._waiting = self._waiting, None
            self._mux(self._video.encode(frame))

    def _mux(self, packets: Iterable[Packet[VideoStream]]) -> None:
        """Write packets of pictures, each one after what is copied and comes before it."""
        for packet in packets:
            if packet.pts is None or packet.dts is None:
                raise ValueError("the encoder gave a picture without its time stamps")
            self._lead = packet.pts - packet.dts if self._lead is None else self._lead
            packet.duration = self._durations.pop(packet.pts)
            self._mux_copies(packet.dts * self._time_base)
            self._container.mux(packet)

    def _mux_rest(self, packets: list[Packet[VideoStream]], end: int) -> None:
        """Write the last packets of pictures, of a film that is over at `end`, ticks."""
        if self._lead is None and len(packets) < FIRST_REORDERED:
            for packet in packets:  # x265 states any decoding time at all where it gets so few pictures
                packet.dts = packet.pts
        self._mux(packets[:-1])
        for packet in packets[-1:]:
            if self._is_mp4 and packet.pts is not None and packet.dts is not None and self._lead is not None:
                # MP4 has durations in decoding order, whose sum is that of the film, and no stamp of the end
                self._durations[packet.pts] = max(1, end - self._lead - packet.dts)
            self._mux([packet])

    def _mux_copies(self, until_s: Fraction | None) -> None:
        """Write what is copied and comes before a time of the film, or all that is left."""
        for packet in self._original.until(None if until_s is None else until_s - self.delay_s):
            delay = round(self.delay_s / packet.time_base)
            packet.dts, packet.pts = (packet.dts or 0) + delay, (packet.pts or 0) + delay
            packet.stream = self._copies[packet.stream_index]
            self._container.mux(packet)


def _rate_of(stream: Stream) -> int:
    """Return the ticks a second that a copied track gets in MP4: those of its samples if it is sound."""
    if isinstance(stream, AudioStream):
        return stream.sample_rate
    return 1 if stream.time_base is None else stream.time_base.denominator
