"""Declares the part of the system's libpipewire-0.3 that is used (pipewire/stream.h, spa/buffer/buffer.h, spa/buffer/meta.h).

The library is part of every desktop that has PipeWire, and its interface has been the same since PipeWire 0.3.50. Its bindings
for Python either wrap programs for sound or need a compiler.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_bool,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache

LIBRARY = "libpipewire-0.3.so.0"
OUTPUT = 1  # enum pw_direction
ANY = 0xFFFFFFFF  # PW_ID_ANY
MAP_BUFFERS, DRIVER = 1 << 2, 1 << 3  # enum pw_stream_flags
ERROR, UNCONNECTED, PAUSED, STREAMING = -1, 0, 2, 3  # enum pw_stream_state
EVENTS_VERSION = 2


class Chunk(Structure):
    """struct spa_chunk: which part of a block of memory is valid."""

    _fields_ = (("offset", c_uint32), ("size", c_uint32), ("stride", c_int32), ("flags", c_int32))


class Data(Structure):
    """struct spa_data: a block of memory."""

    _fields_ = (
        ("type", c_uint32), ("flags", c_uint32), ("fd", c_int64), ("mapoffset", c_uint32), ("maxsize", c_uint32),
        ("data", c_void_p), ("chunk", POINTER(Chunk)),
    )  # fmt: skip


class Header(Structure):
    """struct spa_meta_header: time and number of a picture."""

    _fields_ = (
        ("flags", c_uint32), ("offset", c_uint32), ("pts", c_int64), ("dts_offset", c_int64), ("seq", c_uint64),
    )  # fmt: skip


class Meta(Structure):
    """struct spa_meta."""

    _fields_ = (("type", c_uint32), ("size", c_uint32), ("data", c_void_p))


class SpaBuffer(Structure):
    """struct spa_buffer."""

    _fields_ = (
        ("n_metas", c_uint32), ("n_datas", c_uint32), ("metas", POINTER(Meta)), ("datas", POINTER(Data)),
    )  # fmt: skip


class Buffer(Structure):
    """struct pw_buffer, up to the field that is used."""

    _fields_ = (("buffer", POINTER(SpaBuffer)),)


class Time(Structure):
    """struct pw_time: where a stream is; `queued_buffers` is how many pictures wait to be taken."""

    _fields_ = (
        ("now", c_int64), ("rate_num", c_uint32), ("rate_denom", c_uint32), ("ticks", c_uint64), ("delay", c_int64),
        ("queued", c_uint64), ("buffered", c_uint64), ("queued_buffers", c_uint32), ("avail_buffers", c_uint32),
        ("later", c_uint64 * 2),
    )  # fmt: skip


StateChanged = CFUNCTYPE(None, c_void_p, c_int, c_int, c_char_p)
ParamChanged = CFUNCTYPE(None, c_void_p, c_uint32, c_void_p)
BufferChanged = CFUNCTYPE(None, c_void_p, c_void_p)


class StreamEvents(Structure):
    """struct pw_stream_events; what is not set is not called."""

    _fields_ = (
        ("version", c_uint32), ("destroy", c_void_p), ("state_changed", StateChanged), ("control_info", c_void_p),
        ("io_changed", c_void_p), ("param_changed", ParamChanged), ("add_buffer", BufferChanged),
        ("remove_buffer", BufferChanged),
        ("process", c_void_p), ("drained", c_void_p), ("command", c_void_p), ("trigger_done", c_void_p),
    )  # fmt: skip


FUNCTIONS: dict[str, tuple[object, tuple[object, ...]]] = {  # result and arguments
    "pw_init": (None, (c_void_p, c_void_p)),
    "pw_loop_new": (c_void_p, (c_void_p,)),
    "pw_loop_destroy": (None, (c_void_p,)),
    "pw_context_new": (c_void_p, (c_void_p, c_void_p, ctypes.c_size_t)),
    "pw_context_connect": (c_void_p, (c_void_p, c_void_p, ctypes.c_size_t)),
    "pw_context_destroy": (None, (c_void_p,)),
    "pw_thread_loop_new": (c_void_p, (c_char_p, c_void_p)),
    "pw_thread_loop_get_loop": (c_void_p, (c_void_p,)),
    "pw_thread_loop_start": (c_int, (c_void_p,)),
    "pw_thread_loop_stop": (None, (c_void_p,)),
    "pw_thread_loop_destroy": (None, (c_void_p,)),
    "pw_thread_loop_lock": (None, (c_void_p,)),
    "pw_thread_loop_unlock": (None, (c_void_p,)),
    "pw_properties_new_string": (c_void_p, (c_char_p,)),
    "pw_stream_new_simple": (c_void_p, (c_void_p, c_char_p, c_void_p, POINTER(StreamEvents), c_void_p)),
    "pw_stream_destroy": (None, (c_void_p,)),
    "pw_stream_connect": (c_int, (c_void_p, c_int, c_uint32, c_int, POINTER(c_char_p), c_uint32)),
    "pw_stream_update_params": (c_int, (c_void_p, POINTER(c_char_p), c_uint32)),
    "pw_stream_dequeue_buffer": (POINTER(Buffer), (c_void_p,)),
    "pw_stream_queue_buffer": (c_int, (c_void_p, POINTER(Buffer))),
    "pw_stream_get_time_n": (c_int, (c_void_p, POINTER(Time), ctypes.c_size_t)),
    "pw_stream_is_driving": (c_bool, (c_void_p,)),
    "pw_stream_trigger_process": (c_int, (c_void_p,)),
}


@cache
def library() -> ctypes.CDLL:
    """Load the library.

    Raises:
        OSError: It is not installed.
        AttributeError: It is older than 0.3.50.
    """
    loaded = ctypes.CDLL(LIBRARY, use_errno=True)  # its functions are called without the interpreter's lock
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    loaded.pw_init(None, None)
    return loaded


def is_running() -> bool:
    """Return whether a PipeWire of this user answers. Raises what `library` raises."""
    pw = library()
    loop = pw.pw_loop_new(None)
    context = pw.pw_context_new(loop, None, 0)  # None where the packages hold no configuration
    answers = context is not None and pw.pw_context_connect(context, None, 0) is not None
    if context is not None:
        pw.pw_context_destroy(context)
    pw.pw_loop_destroy(loop)
    return answers
