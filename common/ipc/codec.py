"""Messages as bytes: one msgpack part each, `[schema version, kind, fields...]`.

A nested record is the list of its own fields; a command is `[kind, fields...]`, because a field may hold any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgpack

from common.errors import MessageError
from common.ipc.messages import Message
from common.ipc.records import Command, FrameInfo, Instance, Style

T = TypeVar("T")
Reader = Callable[[str, object], object]

SCHEMA_VERSION = 6
MAX_MESSAGE_BYTES = 4 << 20
_COMMANDS: dict[int, type[Command]] = {kind.KIND: kind for kind in get_args(Command)}
_MESSAGES: dict[int, type[Message]] = {kind.KIND: kind for kind in get_args(Message)}


def encode(message: Message) -> bytes:
    """Return the one msgpack part of a message."""
    packed: bytes = msgpack.packb([SCHEMA_VERSION, message.KIND, *_values(message)])
    return packed


def decode(data: bytes) -> Message:
    """Return the message in `data`.

    Raises:
        MessageError: The data is no msgpack, is too large, has another schema version or an unknown kind, or a field is out
            of range.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageError(f"message: expected at most {MAX_MESSAGE_BYTES} bytes, got {len(data)}")
    try:
        parts = msgpack.unpackb(data, use_list=False, max_map_len=0, max_ext_len=0)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise MessageError(f"message: expected msgpack, got {len(data)} bytes that are not ({error!r:.120})") from None
    if not isinstance(parts, tuple) or len(parts) < 2 or parts[0] != SCHEMA_VERSION:
        raise MessageError(f"message: expected schema version {SCHEMA_VERSION}, got {parts!r:.80}")
    return _tagged("message", parts[1:], _MESSAGES)


def _values(record: Any) -> list[object]:
    """Return the fields of a message or nested record as msgpack holds them."""
    return [_packed(getattr(record, name)) for name in _FIELDS[type(record)]]


def _packed(value: object) -> object:
    if isinstance(value, Command):
        return [value.KIND, *_values(value)]
    if isinstance(value, tuple):
        return [_packed(item) for item in value]
    return _values(value) if type(value) in _FIELDS else value


def _tagged(name: str, parts: object, kinds: dict[int, type[T]]) -> T:
    """Return the message or command in `[kind, fields...]`."""
    if not isinstance(parts, tuple) or not parts or type(parts[0]) is not int or parts[0] not in kinds:
        raise MessageError(f"{name}: expected a kind of {sorted(kinds)}, got {parts!r:.80}")
    return _record(parts[1:], kinds[parts[0]])


def _record(parts: object, kind: type[T]) -> T:
    """Return the message or nested record that consists of these fields; the record checks itself."""
    readers = _FIELDS[kind]
    if not isinstance(parts, tuple) or len(parts) != len(readers):
        got = len(parts) if isinstance(parts, tuple) else repr(parts)[:80]
        raise MessageError(f"{kind.__name__}: expected {len(readers)} fields, got {got}")
    values = zip(readers.items(), parts, strict=True)
    return kind(*(value if read is None else read(name, value) for (name, read), value in values))


def _records(name: str, parts: object, kind: type[T]) -> tuple[T, ...]:
    if not isinstance(parts, tuple):
        raise MessageError(f"{name}: expected a list, got {parts!r:.80}")
    return tuple(_record(each, kind) for each in parts)


def _member(name: str, value: object, kind: type[StrEnum]) -> StrEnum:
    try:
        return kind(str(value))
    except ValueError:
        raise MessageError(f"{name}: expected one of {', '.join(kind)}, got {value!r:.80}") from None


def _reader(hint: Any) -> Reader | None:
    """Return what reads a field of type `hint`; None for plain values, which the record's own checks judge."""
    if hint == Command:
        return partial(_tagged, kinds=_COMMANDS)
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda name, value: _record(value, hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return partial(_member, kind=hint)
    if get_origin(hint) is tuple and get_args(hint)[0] is Instance:
        return partial(_records, kind=Instance)
    return None


# record → its fields, in order, with what reads them
_FIELDS: dict[type, dict[str, Reader | None]] = {
    kind: {each.name: _reader(get_type_hints(kind)[each.name]) for each in fields(kind)}
    for kind in (FrameInfo, Instance, Style, *_COMMANDS.values(), *_MESSAGES.values())
}
