"""The facts that travel between stages: one msgpack part a message, `[schema version, kind, fields...]`.

Images never travel here, they lie in a ring that a message names. Times are CLOCK_MONOTONIC nanoseconds, boxes are
half-open and relative (0..1 of width and height), units stand at the end of names. `epoch, frame_id, captured_ns` go
unchanged from capture to display, so that loss is counted and never guessed.

Every message checks itself when it is made, so also when it is decoded: what is malformed raises MessageError, and
whoever listens counts and drops it.
"""

from __future__ import annotations

import math
import re
from dataclasses import astuple, dataclass, field, fields
from typing import Any, ClassVar, get_args

import msgpack

from common.errors import MessageError

SCHEMA_VERSION = 3
MAX_MESSAGE_BYTES = 4 << 20
MAX_INSTANCES = 400
MAX_MAP_SIDE = 512
MAX_SIDE = 16384
# of a relayed picture: the largest that cameras give, 106 MB in memory; larger ones are made smaller
MAX_PIXELS = 8192 * 4320
MAX_INT = 2**63 - 1
LONGEST_TEXT = 200
LOST = "lost"  # the state in which a composite is a card
OFF = "off"  # the state in which a composite is the camera's own picture
INSTANCES = "instances"  # the state in which a composite is the instance view
EVERYBODY = "everybody"  # the state in which every person is shown, and the room is hidden
STATES = ("starting", "live", EVERYBODY, "hidden", LOST, OFF, INSTANCES)  # as compose/policy.py has them


def printable(text: str) -> str:
    """Return `text` as a message may hold it: no longer than LONGEST_TEXT, "?" for every character that cannot be printed.

    Names of files and texts of errors come from elsewhere. The code that puts one into a message cleans it with this.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text[:LONGEST_TEXT])


def _whole(what: str, value: object, low: int = 0, high: int = MAX_INT) -> None:
    if type(value) is not int or not low <= value <= high:
        raise MessageError(f"{what}: expected a whole number {low}..{high}, got {value!r:.80}")


def _real(what: str, value: object, low: float, high: float) -> None:
    if type(value) is not float or not math.isfinite(value) or not low <= value <= high:
        raise MessageError(f"{what}: expected a number {low}..{high}, got {value!r:.80}")


def _text(what: str, value: object) -> None:
    # what cannot be printed would command the terminal that a log is read in
    if type(value) is not str or len(value) > LONGEST_TEXT or not value.isprintable():
        raise MessageError(f"{what}: expected printable text of at most {LONGEST_TEXT} characters, got {value!r:.80}")


def _flag(what: str, value: object) -> None:
    if type(value) is not bool:
        raise MessageError(f"{what}: expected true or false, got {value!r:.80}")


def _said(message: FrameComposed | PictureRelayed) -> None:
    _whole("composed_ns", message.composed_ns)
    if message.state not in STATES:
        raise MessageError(f"state: expected one of {', '.join(STATES)}, got {message.state!r:.80}")
    _text("reason", message.reason)
    _real("mask_age_ms", message.mask_age_ms, -1.0, 1e12)
    _flag("privacy", message.privacy)
    _text("model", message.model)


def _identity(message: FrameCaptured | MasksInferred | FrameComposed | PictureRelayed) -> None:
    _whole("epoch", message.epoch, 1)
    _whole("frame_id", message.frame_id)
    _whole("captured_ns", message.captured_ns)


def _pixels(message: FrameCaptured | FrameComposed) -> None:
    _text("segment", message.segment)
    _whole("sequence", message.sequence)
    _whole("height", message.height, 1, MAX_SIDE)
    _whole("width", message.width, 1, MAX_SIDE)


@dataclass(frozen=True, slots=True)
class FrameCaptured:
    """capture → compose (every one), infer (newest on request): a frame lies in the ring `segment` at `sequence`.

    `source_index` is the number of the frame in a file source, counted on through loops. `notice` is what the person
    in front should read in the picture ("" for nothing). `workers` is how many inference workers work at once.
    """

    KIND: ClassVar[int] = 1
    epoch: int
    frame_id: int
    captured_ns: int
    source_index: int
    segment: str
    sequence: int
    height: int
    width: int
    notice: str = ""
    workers: int = 0

    def __post_init__(self) -> None:
        _identity(self)
        _pixels(self)
        _whole("source_index", self.source_index)
        _text("notice", self.notice)
        _whole("workers", self.workers, 0, 1024)


@dataclass(frozen=True, slots=True)
class SourceLost:
    """capture → compose: the source delivers nothing any more, for a reason that whoever sits in front should read.
    What comes after belongs to another epoch."""

    KIND: ClassVar[int] = 6
    reason: str

    def __post_init__(self) -> None:
        _text("reason", self.reason)


@dataclass(frozen=True, slots=True)
class WorkRequested:
    """infer → capture: this worker is idle and takes the newest frame that no other worker was given."""

    KIND: ClassVar[int] = 2
    worker: str

    def __post_init__(self) -> None:
        _text("worker", self.worker)


@dataclass(frozen=True, slots=True)
class Instance:
    """One object found: class (0 = person), score 0..1, half-open box x0, y0, x1, y1 in 0..1 of the frame, and the
    probability map inside the box, `map_height` x `map_width` uint8 row by row, 255 = certain.

    `is_sign`: Only a sign of somebody: a face alone, a part of the picture that no person found explains, or a person who is
    not sure enough. What it covers is hidden, and it is never the subject.
    """

    class_id: int
    score: float
    box_xyxy: tuple[float, float, float, float]
    map_height: int
    map_width: int
    probability: bytes
    is_sign: bool = False

    def __post_init__(self) -> None:
        _whole("class_id", self.class_id, 0, 1000)
        _flag("is_sign", self.is_sign)
        _real("score", self.score, 0.0, 1.0)
        if not isinstance(self.box_xyxy, tuple) or len(self.box_xyxy) != 4:
            raise MessageError(f"box_xyxy: expected 4 numbers, got {self.box_xyxy!r:.80}")
        for value in self.box_xyxy:
            _real("box_xyxy", value, 0.0, 1.0)
        x0, y0, x1, y1 = self.box_xyxy
        if x1 <= x0 or y1 <= y0:
            raise MessageError(f"box_xyxy: expected x0 < x1 and y0 < y1, got {self.box_xyxy}")
        _whole("map_height", self.map_height, 1, MAX_MAP_SIDE)
        _whole("map_width", self.map_width, 1, MAX_MAP_SIDE)
        if type(self.probability) is not bytes or len(self.probability) != self.map_height * self.map_width:
            size = len(self.probability) if isinstance(self.probability, bytes) else type(self.probability).__name__
            raise MessageError(f"probability: expected {self.map_height} x {self.map_width} bytes, got {size}")


@dataclass(frozen=True, slots=True)
class MasksInferred:
    """infer → compose: everything found in one frame. No instances is a result too; silence is not.

    `held_ns` is 0 where this very frame was looked at. Where nothing has moved since an earlier frame, the result of that
    one is said again, and `held_ns` is the time from that frame to this one: a mask is as old as the frame it was made from.
    `cpu_ns` is the processor time of the look, 0 where there was none.
    """

    KIND: ClassVar[int] = 3
    epoch: int
    frame_id: int
    captured_ns: int
    inference_ns: int
    worker: str
    model: str
    instances: tuple[Instance, ...] = field(default=())
    held_ns: int = 0
    cpu_ns: int = 0

    @property
    def looked_ns(self) -> int:
        """When the frame that was looked at was captured."""
        return self.captured_ns - self.held_ns

    def __post_init__(self) -> None:
        _identity(self)
        _whole("inference_ns", self.inference_ns)
        _whole("held_ns", self.held_ns, 0, self.captured_ns)
        _whole("cpu_ns", self.cpu_ns)
        _text("worker", self.worker)
        _text("model", self.model)
        if len(self.instances) > MAX_INSTANCES:
            raise MessageError(f"instances: expected at most {MAX_INSTANCES}, got {len(self.instances)}")


@dataclass(frozen=True, slots=True)
class FrameComposed:
    """compose → every display: what may be shown lies in the ring `segment` at `sequence`.

    In the state `lost` there is no frame: the card carries the numbers of the last one and its own time. `state` and `reason` are those of compose/policy.py; `mask_age_ms` is the age of the mask used (-1.0: none);
    `privacy` is False only after an explicit act; `model` says who found the people ("" before the first result).
    `question` is what the person in front is asked ("" for nothing). It is shown to them alone: over the window's picture
    and on the page, never in a picture that leaves this machine. `everybody` is True while every person who is found is
    shown, also where nobody is found just now.
    """

    KIND: ClassVar[int] = 4
    epoch: int
    frame_id: int
    captured_ns: int
    source_index: int
    segment: str
    sequence: int
    height: int
    width: int
    composed_ns: int
    state: str
    reason: str
    mask_age_ms: float
    privacy: bool
    model: str
    question: str = ""
    everybody: bool = False

    def __post_init__(self) -> None:
        _identity(self)
        _pixels(self)
        _whole("source_index", self.source_index)
        _said(self)
        _text("question", self.question)
        _flag("everybody", self.everybody)

    @property
    def shows_everybody(self) -> bool:
        """Whether every person who is found is shown; a relay says that by the state alone."""
        return self.everybody or self.state == EVERYBODY


@dataclass(frozen=True, slots=True)
class SetPrivacy:
    """display → compose: somebody turned the filter on or off. The wanted state, not "toggle", so that two displays
    asking at once agree."""

    KIND: ClassVar[int] = 5
    privacy: bool

    def __post_init__(self) -> None:
        _flag("privacy", self.privacy)


@dataclass(frozen=True, slots=True)
class SelectSubject:
    """display → compose: somebody chose by hand who stays sharp: person `number` from the left, 1..9; 0: the next one;
    10: everybody; 11: one person again. The wanted state, not "toggle", as in SetPrivacy."""

    KIND: ClassVar[int] = 7
    NEXT: ClassVar[int] = 0
    EVERYBODY: ClassVar[int] = 10
    ONE: ClassVar[int] = 11
    number: int

    def __post_init__(self) -> None:
        _whole("number", self.number, self.NEXT, self.ONE)


@dataclass(frozen=True, slots=True)
class SelectSubjectAt:
    """display → compose: somebody pointed at the person that stays sharp; 0..1 of the picture's width and height."""

    KIND: ClassVar[int] = 8
    x: float
    y: float

    def __post_init__(self) -> None:
        _real("x", self.x, 0.0, 1.0)
        _real("y", self.y, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class SetView:
    """display → compose: somebody asked for the instance view, or for the filter again. The view shows the camera's
    own picture: it is privacy off."""

    KIND: ClassVar[int] = 9
    instances: bool

    def __post_init__(self) -> None:
        _flag("instances", self.instances)


@dataclass(frozen=True, slots=True)
class ViewerReady:
    """viewer → relay: this viewer took picture `number` (0: none yet) and wants the next; also said now and then."""

    KIND: ClassVar[int] = 10
    number: int

    def __post_init__(self) -> None:
        _whole("number", self.number)


@dataclass(frozen=True, slots=True)
class PictureRelayed:
    """relay → viewer: a composite as JPEG, or a card while `privacy` is False. `number` counts the pictures of this relay,
    from 1; times are of the relay's clock; the rest is as in FrameComposed, but that the picture may be smaller."""

    KIND: ClassVar[int] = 11
    number: int
    sent_ns: int
    epoch: int
    frame_id: int
    captured_ns: int
    source_index: int
    height: int
    width: int
    composed_ns: int
    state: str
    reason: str
    mask_age_ms: float
    privacy: bool
    model: str
    jpeg: bytes

    def __post_init__(self) -> None:
        _identity(self)
        _whole("number", self.number, 1)
        _whole("sent_ns", self.sent_ns)
        _whole("source_index", self.source_index)
        _whole("height", self.height, 1, MAX_SIDE)
        _whole("width", self.width, 1, MAX_SIDE)
        _whole("height * width", self.height * self.width, 1, MAX_PIXELS)
        _said(self)
        if type(self.jpeg) is not bytes or not self.jpeg:
            raise MessageError(f"jpeg: expected bytes, got {self.jpeg!r:.80}")


@dataclass(frozen=True, slots=True)
class SetBackground:
    """display → compose: somebody chose what hides the room: `blur`, `color:RRGGBB`, or "" for what the call began with.
    Nothing that names a file: a viewer must not read the disk."""

    KIND: ClassVar[int] = 12
    background: str

    def __post_init__(self) -> None:
        _text("background", self.background)
        if self.background not in ("", "blur") and not re.fullmatch(r"color:[0-9a-fA-F]{6}", self.background):
            raise MessageError(f"background: expected blur, color:RRGGBB or nothing, got {self.background!r:.80}")


Command = SetPrivacy | SelectSubject | SelectSubjectAt | SetView | SetBackground
_COMMANDS: dict[int, type[Command]] = {kind.KIND: kind for kind in get_args(Command)}


@dataclass(frozen=True, slots=True)
class CommandIssued:
    """display → compose: a viewer wants something of the stream `epoch`, which was on the display at `issued_ns`.

    A wish that comes late, or that was made for another stream, would change a picture that the viewer has not seen.
    Both are stated here so that compose can refuse it.
    """

    KIND: ClassVar[int] = 13
    epoch: int
    issued_ns: int
    command: Command

    def __post_init__(self) -> None:
        _whole("epoch", self.epoch)
        _whole("issued_ns", self.issued_ns)
        if not isinstance(self.command, Command):
            raise MessageError(f"command: expected a command, got {self.command!r:.80}")


@dataclass(frozen=True, slots=True)
class LoadReported:
    """every other stage → compose, once a second: how many cores a process has used."""

    KIND: ClassVar[int] = 14
    process: str
    cores: float

    def __post_init__(self) -> None:
        _text("process", self.process)
        _real("cores", self.cores, 0.0, 1e6)


@dataclass(frozen=True, slots=True)
class InferenceScheduled:
    """compose → infer: what is wanted of the workers from now on.

    hz: Looks a second of each, 0.0 for as many as it can.
    insists: A worker insists on its share of the processor; else every other program runs first.
    light: The small networks look alone, without the Mask R-CNN, for which the processor is too busy.
    things: Things are shown as well as people, and only the Mask R-CNN finds those.
    since_ns: Compose cannot tell who is in frames captured from then on: a look is wanted at once.
    looked_ns: When the frame was captured that the mask in use was made from, whichever worker made it.
    limit_ms: The age from which that mask shows nobody.
    """

    KIND: ClassVar[int] = 15
    hz: float
    insists: bool
    light: bool
    things: bool
    since_ns: int
    looked_ns: int
    limit_ms: int

    def __post_init__(self) -> None:
        _real("hz", self.hz, 0.0, 1e6)
        _flag("insists", self.insists)
        _flag("light", self.light)
        _flag("things", self.things)
        _whole("since_ns", self.since_ns)
        _whole("looked_ns", self.looked_ns)
        _whole("limit_ms", self.limit_ms)


Message = (
    FrameCaptured
    | WorkRequested
    | MasksInferred
    | FrameComposed
    | SourceLost
    | ViewerReady
    | PictureRelayed
    | CommandIssued
    | LoadReported
    | InferenceScheduled
)
_PLACE = [field.name for field in fields(MasksInferred)].index("instances")
_KINDS: dict[int, type[Message]] = {kind.KIND: kind for kind in get_args(Message)}


def encode(message: Message) -> bytes:
    """The one msgpack part of a message."""
    values = list(astuple(message))
    if isinstance(message, CommandIssued):
        values[-1] = [message.command.KIND, *values[-1]]
    packed: bytes = msgpack.packb([SCHEMA_VERSION, message.KIND, *values])
    return packed


def decode(data: bytes) -> Message:
    """The message in `data`.

    Raises:
        MessageError: Not msgpack, too large, another schema version, an unknown kind, or a field out of range.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageError(f"message: expected at most {MAX_MESSAGE_BYTES} bytes, got {len(data)}")
    try:
        parts = msgpack.unpackb(data, use_list=False, max_map_len=0, max_ext_len=0)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise MessageError(f"message: expected msgpack, got {len(data)} bytes that are not ({error!r:.120})") from None
    if not isinstance(parts, tuple) or len(parts) < 2 or parts[0] != SCHEMA_VERSION:
        raise MessageError(f"message: expected schema version {SCHEMA_VERSION}, got {parts!r:.80}")
    kind = _KINDS.get(parts[1]) if type(parts[1]) is int else None
    if kind is None:
        raise MessageError(f"message: expected a kind of {sorted(_KINDS)}, got {parts[1]!r:.80}")
    values: list[Any] = list(parts[2:])
    if len(values) != len(fields(kind)):
        raise MessageError(f"{kind.__name__}: expected {len(fields(kind))} fields, got {len(values)}")
    if kind is MasksInferred:
        values[_PLACE] = _instances(values[_PLACE])
    if kind is CommandIssued:
        values[-1] = _command(values[-1])
    return kind(*values)


def _command(value: object) -> Command:
    if not isinstance(value, tuple) or not value or type(value[0]) is not int or value[0] not in _COMMANDS:
        raise MessageError(f"command: expected a kind of {sorted(_COMMANDS)}, got {value!r:.80}")
    kind = _COMMANDS[value[0]]
    if len(value) != 1 + len(fields(kind)):
        raise MessageError(f"{kind.__name__}: expected {len(fields(kind))} fields, got {len(value) - 1}")
    return kind(*value[1:])


def _instances(value: object) -> tuple[Instance, ...]:
    if not isinstance(value, tuple):
        raise MessageError(f"instances: expected a list, got {value!r:.80}")
    if any(not isinstance(parts, tuple) or len(parts) != len(fields(Instance)) for parts in value):
        raise MessageError(f"instances: expected {len(fields(Instance))} fields each")
    return tuple(Instance(*parts) for parts in value)
