from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import MessageError
from common.ipc.codec import MAX_MESSAGE_BYTES, SCHEMA_VERSION, decode, encode
from common.ipc.fields import MAX_TEXT, printable
from common.ipc.messages import (
    MAX_INSTANCES,
    STATES,
    CommandIssued,
    FrameCaptured,
    FrameComposed,
    FramesWanted,
    InferenceScheduled,
    LoadReported,
    MasksInferred,
    Message,
    PictureRelayed,
    RecordingEnded,
    SourceLost,
    SourceNotice,
    ViewerReady,
    WorkAssigned,
    WorkRequested,
)
from common.ipc.records import (
    DetectorKind,
    FrameInfo,
    Instance,
    ResetStyle,
    SelectSubject,
    SelectSubjectAt,
    SetBackground,
    SetBlur,
    SetEdge,
    SetFollow,
    SetHide,
    SetPrivacy,
    SetView,
    Style,
)
from compose.policy import State

V = SCHEMA_VERSION
PERSON = Instance(0, 0.9, (0.1, 0.2, 0.5, 0.9), 15, 15, bytes(225))
INFO = FrameInfo(5, 7, 123, 9, "onlyme-0-frames-5", 7, 720, 1280)
FRAME = FrameCaptured(INFO)
NOTICE = SourceNotice("no camera: demo footage")
MASKS = MasksInferred(5, 7, 123, 456, "infer.1", "model", (PERSON, replace(PERSON, class_id=56, is_sign=True)))
COMPOSED = FrameComposed(
    FrameInfo(5, 7, 123, 9, "onlyme-0-composites-6", 3, 720, 1280), 130, "live", "", 80.5, True, "model"
)
RELAYED = PictureRelayed(1, 140, replace(COMPOSED, frame=replace(INFO, segment="", sequence=0)), b"jpeg")
ALL: list[Message] = [
    FRAME,
    replace(FRAME, is_look=True),
    replace(FRAME, is_cut=True),
    NOTICE,
    RecordingEnded(0),
    FramesWanted(7),
    SourceLost("the camera stopped delivering"),
    WorkAssigned(INFO, 2),
    MASKS,
    COMPOSED,
    WorkRequested("infer.1"),
    replace(COMPOSED, question="is this you?"),
    CommandIssued(5, 140, SetPrivacy(False)),
    CommandIssued(5, 140, SelectSubject(3)),
    CommandIssued(5, 140, SelectSubjectAt(0.25, 1.0)),
    CommandIssued(5, 140, SetView(True)),
    CommandIssued(0, 140, SetBackground("color:00ff7F")),
    CommandIssued(5, 140, SetBackground("image")),
    CommandIssued(5, 140, SetHide("people")),
    CommandIssued(5, 140, SetFollow(True)),
    CommandIssued(5, 140, SetEdge(4.0, -2.5)),
    CommandIssued(5, 140, SetBlur(2.0)),
    CommandIssued(5, 140, ResetStyle()),
    replace(COMPOSED, style=Style("people", True, 4.0, -2.5, 2.0, "color:00ff7F")),
    ViewerReady(3),
    RELAYED,
    replace(MASKS, instances=()),
    replace(MASKS, held_ns=123),
    replace(MASKS, cpu_ns=123),
    replace(MASKS, detector=DetectorKind.MASK_RCNN),
    replace(COMPOSED, detector=DetectorKind.EMBEDDED),
    LoadReported("display.1:17", 0.25),
    InferenceScheduled(2.5, True, False, True, 140, 130, 750),
]


@pytest.mark.parametrize("message", ALL, ids=lambda m: type(m).__name__)
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    assert decode(encode(message)) == message


def test_a_mask_is_small() -> None:
    assert len(encode(replace(MASKS, instances=(PERSON,)))) < 400


@pytest.mark.parametrize("field, value", [
    ("score", float("nan")), ("score", float("inf")), ("score", 1.5), ("score", -0.1), ("score", 1),
    ("box_xyxy", (0.1, 0.2, 0.5)), ("box_xyxy", (0.5, 0.2, 0.1, 0.9)), ("box_xyxy", (0.1, 0.2, 0.5, 1.1)),
    ("box_xyxy", (0.1, float("nan"), 0.5, 0.9)), ("box_xyxy", (-0.1, 0.2, 0.5, 0.9)), ("box_xyxy", (0.1, 0.2, 0.1, 0.9)),
    ("class_id", -1), ("class_id", True), ("class_id", 0.0), ("probability", bytes(224)), ("probability", "x" * 225),
    ("map_height", 0), ("map_height", 100000), ("map_width", 14), ("is_sign", 1), ("is_sign", None),
])  # fmt: skip
def test_an_instance_out_of_range_is_refused(field: str, value: object) -> None:
    parts = [PERSON.class_id, PERSON.score, PERSON.box_xyxy, 15, 15, PERSON.probability, False]
    parts[[each.name for each in fields(Instance)].index(field)] = value
    with pytest.raises(MessageError, match=r"^(?!message).*expected"):  # for the instance, not for the message's form
        decode(msgpack.packb([V, 3, 5, 7, 123, 456, "infer.1", "model", [parts], 0, 0, "embedded"]))


@pytest.mark.parametrize("data", [
    b"", b"\xc1", b"garbage", b"\x93\x01", msgpack.packb([]), msgpack.packb([V + 1, 5, True]), msgpack.packb([V, 99, True]),
    msgpack.packb([V, 5]), msgpack.packb([V, 5, True, True]), msgpack.packb([V, 5, "yes"]), msgpack.packb({1: 5}),
    msgpack.packb([V, [5], True]), b"\x91" * 5000,
    msgpack.packb([V, 13, 5, 140, [5]]), msgpack.packb([V, 13, 5, 140, [5, 1]]), msgpack.packb([V, 13, 5, 140, [99, True]]),
    msgpack.packb([V, 13, 5, 140, []]), msgpack.packb([V, 13, 5, 140, 5]), msgpack.packb([V, 13, 5, -1, [5, True]]),
    msgpack.packb([V, 1]), msgpack.packb([V, 1, 5]), msgpack.packb([V, 1, []]), msgpack.packb([V, 1, [5, 7, 123]]),
    encode(FRAME)[:-1], encode(FRAME) + b"\x00", b"\x00" * (MAX_MESSAGE_BYTES + 1), b"\xdd\xff\xff\xff\xff",
])  # fmt: skip
def test_garbage_is_a_message_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(MessageError, match="expected"):
        decode(data)


def packed(message: Message, field: str, value: object) -> bytes:
    """A message with one field changed on the wire, which the sender's own checks would refuse."""
    parts = msgpack.unpackb(encode(message))
    parts[2 + [each.name for each in fields(message)].index(field)] = value
    changed: bytes = msgpack.packb(parts)
    return changed


@pytest.mark.parametrize(("message", "field", "value"), [
    (MASKS, "epoch", 0), (MASKS, "frame_id", -7), (MASKS, "captured_ns", 2**63), (MASKS, "held_ns", -1), (MASKS, "held_ns", 124),
    (MASKS, "cpu_ns", -1), (MASKS, "cpu_ns", 1.0), (MASKS, "model", b"m"), (MASKS, "instances", 5),
    (MASKS, "detector", "none"), (MASKS, "detector", "yolo"), (MASKS, "detector", []), (MASKS, "detector", 1),
    (COMPOSED, "detector", "yolo"), (COMPOSED, "mask_age_ms", -2.0), (COMPOSED, "privacy", 1), (COMPOSED, "everybody", None),
    (WorkAssigned(INFO, 2), "workers", -1), (WorkAssigned(INFO, 2), "workers", 1025), (RELAYED, "jpeg", b""), (RELAYED, "number", 0),
])  # fmt: skip
def test_a_field_out_of_range_is_refused_by_its_name(message: Message, field: str, value: object) -> None:
    with pytest.raises(MessageError, match=f"^{field}: expected"):
        decode(packed(message, field, value))


@pytest.mark.parametrize("record", [*ALL, *(m.command for m in ALL if isinstance(m, CommandIssued)), INFO, PERSON, Style()],
                         ids=lambda record: type(record).__name__)  # fmt: skip
def test_no_field_of_any_record_takes_anything(record: Any) -> None:
    """A field whose type names no check is checked by its class, and no `__post_init__` leaves the others out."""
    for each in fields(record):
        if each.name != "instances":  # whose length is checked, and the codec makes the tuple
            with pytest.raises(MessageError, match=f"^{each.name}: expected"):
                replace(record, **{each.name: object()})


@pytest.mark.parametrize(("make", "field"), [
    (lambda: SetHide("nothing"), "hide"), (lambda: SetEdge(-1.0, 0.0), "feather"), (lambda: SetEdge(0.0, -21.0), "margin"),
    (lambda: SetEdge(0.0, float("nan")), "margin"), (lambda: SetBlur(0.99), "strength"), (lambda: SetBlur(9.0), "strength"),
    (lambda: SetBackground("image:/etc/passwd"), "background"), (lambda: SetBackground("file"), "background"),
    (lambda: Style(hide=""), "hide"), (lambda: Style(blur=0.5), "blur"), (lambda: Style(background="image:/home"), "background"),
    (lambda: Style(background=""), "background"),
])  # fmt: skip
def test_a_style_out_of_range_is_refused_by_its_name(make: Callable[[], object], field: str) -> None:
    with pytest.raises(MessageError, match=f"^{field}: expected"):
        make()


@pytest.mark.parametrize(("field", "value"), [
    ("epoch", 0), ("frame_id", -1), ("captured_ns", True), ("source_index", 1.0), ("segment", "\x1b"), ("segment", 5),
    ("sequence", -1), ("height", 0), ("height", 16385), ("width", 0), ("width", "1"),
])  # fmt: skip
def test_a_frame_out_of_range_is_refused_in_every_message_that_holds_one(field: str, value: object) -> None:
    frame = [getattr(INFO, each.name) for each in fields(FrameInfo)]
    frame[[each.name for each in fields(FrameInfo)].index(field)] = value
    for message in (FRAME, WorkAssigned(INFO, 2), COMPOSED):
        with pytest.raises(MessageError, match=f"^{field}: expected"):
            decode(packed(message, "frame", frame))


def test_more_instances_than_allowed_are_refused() -> None:
    parts = msgpack.unpackb(encode(replace(MASKS, instances=(PERSON,) * MAX_INSTANCES)))
    assert decode(msgpack.packb(parts)), "the negative control: so many are allowed"
    parts[2 + [each.name for each in fields(MasksInferred)].index("instances")] *= 2
    with pytest.raises(MessageError, match=r"^instances: expected at most"):
        decode(msgpack.packb(parts))


@pytest.mark.parametrize(
    "composite",
    [
        COMPOSED,
        replace(RELAYED.composite, frame=replace(RELAYED.composite.frame, sequence=1)),
        replace(RELAYED.composite, question="is this you?"),
        replace(RELAYED.composite, everybody=True),
    ],
)
def test_what_stays_on_the_relays_machine_cannot_be_relayed(composite: FrameComposed) -> None:
    with pytest.raises(MessageError, match="expected nothing that stays on the relay's machine"):
        replace(RELAYED, composite=composite)


@given(st.binary(max_size=400))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    with contextlib.suppress(MessageError):
        decode(data)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats()
        | st.text(max_size=9)
        | st.binary(max_size=9),
        lambda inner: st.lists(inner, max_size=12),
    )
)
def test_any_msgpack_decodes_or_is_refused(value: object) -> None:
    for start in ([], [V], [V, 3], [V, 4]):
        with contextlib.suppress(MessageError):
            decode(msgpack.packb([*start, *(value if isinstance(value, list) else [value])]))


@pytest.mark.parametrize("text", ["\x1b]0;owned\x07\x1b[2J", "a\nb", "a\0b", "\x9b1m", "\u202egpj", "\udc80"])
def test_what_would_command_a_terminal_is_no_text(text: str) -> None:
    for message, field in (
        (COMPOSED, "reason"),
        (COMPOSED, "model"),
        (COMPOSED, "question"),
        (INFO, "segment"),
        (NOTICE, "notice"),
    ):
        with pytest.raises(MessageError, match=f"{field}: expected printable text"):
            changed: dict[str, Any] = {field: text}
            replace(message, **changed)
    assert SourceLost(printable(f"{text} stopped")).reason.endswith(" stopped"), "cleaned, it is one"
    assert "?" in printable(text)


def test_a_text_that_is_clean_stays_as_it_is() -> None:
    assert printable("/home/jürgen/ferien 2024.mkv → gone") == "/home/jürgen/ferien 2024.mkv → gone"
    assert len(printable("x" * 1000)) == MAX_TEXT


@pytest.mark.parametrize("state", ["", "Live", "[/x]", "live ", 3])
def test_a_state_that_compose_does_not_have_is_refused(state: Any) -> None:
    with pytest.raises(MessageError, match="state: expected one of starting, live"):
        replace(COMPOSED, state=state)


def test_the_states_are_those_of_compose() -> None:
    assert list(STATES) == [str(state) for state in State]
