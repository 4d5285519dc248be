"""A PipeWire node that other programs take pictures from, as from a webcam.

PipeWire's thread tells which format the first consumer chose, and whether anybody takes pictures. A picture is copied into a
buffer that all consumers share, and dropped where none is free: a consumer that stands still costs nobody anything.
"""

from __future__ import annotations

import ctypes
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from display.sinks import pipewire_library as pw
from display.sinks.spa_pod import (
    FORMAT,
    HEADER,
    HEADER_BYTES,
    Layout,
    buffers_wanted,
    chosen_format,
    format_offer,
    header_wanted,
)

STARVED_S = 0.3
PATIENCE_S = 3.0  # for PipeWire: a display whose loop stands still for 5 s is killed and started again


class NodeError(Exception):
    """PipeWire does not run, has gone, or refuses the node; its text says why."""


class PipeWireNode:
    """Publishes a node until it is closed.

    Args:
        name: Of the node, which is also what people read.
        size_wh: Of its pictures, pixels.
        fps: The rate that it states.
        layouts: The video formats that it offers, the preferred one first, and how a picture lies in memory.

    Raises:
        NodeError: PipeWire does not run, or refuses the node.
        OSError, AttributeError: See `pipewire_library.library`.
    """

    def __init__(self, name: str, size_wh: tuple[int, int], fps: int, layouts: Mapping[int, Layout]) -> None:
        self._pw, self._layouts = pw.library(), layouts
        self._state, self._why = pw.UNCONNECTED, ""
        self._is_known = threading.Event()  # whether the node was taken or refused
        self.format: int | None = None  # the video format that consumers chose, None while there are none
        self._buffers = set[int]()  # addresses of all that there are now
        self._free = set[int]()  # those of them that PipeWire does not know to be free
        self._had_at = 0.0  # when there was one the last time, CLOCK_MONOTONIC seconds
        self._queued = 0  # the last one that was filled
        self._resumes = False  # whether nobody took pictures before the next one
        self._sequence = 0
        self._events = pw.StreamEvents(
            version=pw.EVENTS_VERSION,
            state_changed=pw.StateChanged(self._state_changed),
            param_changed=pw.ParamChanged(self._param_changed),
            add_buffer=pw.BufferChanged(lambda _, buffer: self._buffers.add(buffer or 0)),
            remove_buffer=pw.BufferChanged(lambda _, buffer: self._buffers.discard(buffer or 0)),
        )
        properties = {
            "media.class": "Video/Source",
            "media.role": "Camera",  # without it the portal of browsers does not show the node
            "node.name": name,
            "node.description": name,
        }
        self._loop = self._pw.pw_thread_loop_new(b"pipewire", None)
        self._stream = self._pw.pw_stream_new_simple(
            self._pw.pw_thread_loop_get_loop(self._loop),
            name.encode(),
            self._pw.pw_properties_new_string(json.dumps(properties, ensure_ascii=False).encode()),
            ctypes.byref(self._events),
            None,
        )
        code = -ctypes.get_errno() if self._stream is None else self._connect(size_wh, fps)
        if code < 0:
            self._why = os.strerror(-code)
        else:
            self._pw.pw_thread_loop_start(self._loop)
            self._is_known.wait(PATIENCE_S)
        if self._why:
            self.close()
            raise NodeError(self._why)

    @property
    def is_watched(self) -> bool:
        """Whether any program takes pictures now.

        Raises:
            NodeError: PipeWire has gone.
        """
        if self._why:
            raise NodeError(self._why)
        return self._state == pw.STREAMING and self.format is not None

    def send(self, video_format: int, picture: NDArray[np.uint8]) -> bool:
        """Give consumers one picture; return False, and drop it, where none takes it now. Never wait.

        Args:
            video_format: The format of the picture; it is dropped if consumers have chosen another meanwhile.
            picture: Contiguous, as its layout says.
        """
        with self._locked():
            if self._state != pw.STREAMING or self.format != video_format:
                return False
            layout = self._layouts[video_format]
            if self._resumes:
                self._begin_anew(picture, layout)
            waits = self._waits()
            held = None if waits else self._next_buffer()
            if held:
                self._fill(held.contents.buffer.contents, picture, layout)
                self._pw.pw_stream_queue_buffer(self._stream, held)
                self._queued = ctypes.addressof(held.contents)
            # also without a picture: where one waits because a program was not ready, nothing else takes it
            if self._pw.pw_stream_is_driving(self._stream):
                self._pw.pw_stream_trigger_process(self._stream)
        return bool(held)

    def close(self) -> None:
        """Take the node away."""
        self._pw.pw_thread_loop_stop(self._loop)
        if self._stream is not None:
            self._pw.pw_stream_destroy(self._stream)
        self._pw.pw_thread_loop_destroy(self._loop)

    def _connect(self, size_wh: tuple[int, int], fps: int) -> int:
        """Offer the formats; return 0, or a negative errno."""
        offers = [format_offer(video_format, size_wh, fps) for video_format in self._layouts]
        flags = pw.DRIVER | pw.MAP_BUFFERS
        code: int = self._pw.pw_stream_connect(self._stream, pw.OUTPUT, pw.ANY, flags, _pointers(offers), len(offers))
        return code

    def _begin_anew(self, picture: NDArray[np.uint8], layout: Layout) -> None:
        """Put the picture into every buffer, because nobody takes one just now: so no old one comes first."""
        self._resumes, self._had_at = False, time.monotonic()
        while self._pw.pw_stream_dequeue_buffer(self._stream):
            continue
        for address in self._buffers:
            self._fill(pw.Buffer.from_address(address).buffer.contents, picture, layout)
        self._free = self._buffers - ({self._queued} if self._waits() else set())

    def _waits(self) -> bool:
        """Return whether the last picture waits still: another one behind it would make all that follow late."""
        time_now = pw.Time()
        self._pw.pw_stream_get_time_n(self._stream, ctypes.byref(time_now), ctypes.sizeof(time_now))
        return bool(time_now.queued_buffers)

    def _next_buffer(self) -> ctypes._Pointer[pw.Buffer] | None:
        """Return a buffer that can be filled, None where there is none.

        PipeWire 0.3 forgets the buffer that a program held when it was killed, and has none left after eight of them. So where none
        was free for STARVED_S, all are: a program that holds one for so long stands still.
        """
        held = self._pw.pw_stream_dequeue_buffer(self._stream) or None
        self._free &= self._buffers
        if held is None and self._free:
            held = ctypes.pointer(pw.Buffer.from_address(self._free.pop()))
        now = time.monotonic()
        if held is not None:
            self._had_at = now
        elif now - self._had_at > STARVED_S:
            self._free = self._buffers - {self._queued}
        return held

    def _fill(self, buffer: pw.SpaBuffer, picture: NDArray[np.uint8], layout: Layout) -> None:
        """Copy a picture into a buffer of PipeWire's; what has no room, or no memory, stays empty."""
        data = buffer.datas[0]
        fits = bool(data.data) and data.maxsize >= picture.nbytes
        if fits:
            ctypes.memmove(data.data, picture.ctypes.data, picture.nbytes)
        chunk = data.chunk.contents
        chunk.offset, chunk.size, chunk.stride, chunk.flags = 0, picture.nbytes if fits else 0, layout.stride, 0
        self._sequence += 1
        for meta in buffer.metas[: buffer.n_metas]:
            if meta.type == HEADER and meta.size >= HEADER_BYTES:
                header = pw.Header.from_address(meta.data)
                header.flags, header.offset, header.dts_offset = 0, 0, 0
                header.pts, header.seq = time.monotonic_ns(), self._sequence

    def _state_changed(self, _: int, before: int, state: int, error: bytes | None) -> None:
        """Take over what PipeWire's thread says."""
        self._state = state
        self._resumes = self._resumes or state == pw.STREAMING
        if state == pw.ERROR or (state == pw.UNCONNECTED and self._is_known.is_set()):
            self._why = (error or b"it has gone").decode(errors="replace")
        if state in (pw.ERROR, pw.PAUSED):
            self._is_known.set()

    def _param_changed(self, _: int, about: int, pod: int | None) -> None:
        """Take over the format that consumers chose, in PipeWire's thread, and ask for buffers that hold it."""
        if about != FORMAT:
            return
        size = ctypes.c_uint32.from_address(pod).value + 8 if pod else 0
        chosen = chosen_format(ctypes.string_at(pod, size)) if pod else None
        self.format = chosen if chosen in self._layouts else None
        if self.format is not None:
            wishes = [buffers_wanted(self._layouts[self.format]), header_wanted()]
            self._pw.pw_stream_update_params(self._stream, _pointers(wishes), len(wishes))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep PipeWire's thread from the stream."""
        self._pw.pw_thread_loop_lock(self._loop)
        try:
            yield
        finally:
            self._pw.pw_thread_loop_unlock(self._loop)


def _pointers(pods: list[bytes]) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * len(pods))(*pods)
