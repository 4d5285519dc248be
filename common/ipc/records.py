"""The records inside messages: a frame, an object found in it, and what a viewer may ask for. Each checks itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from common.errors import MessageError
from common.ipc.fields import boolean, float_range, int_range, text

MAX_MAP_SIDE = 512
MAX_SIDE = 16384


class DetectorKind(StrEnum):
    """The networks that found the people."""

    NONE = "none"  # no result has come yet
    EMBEDDED = "embedded"  # the small networks alone, which miss more backs and limbs, and find no things
    MASK_RCNN = "mask-rcnn"


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """One picture: which it is, when it was captured, where its pixels lie and how many there are.

    epoch: One life of capture with one picture size; a random number from 1.
    frame_id: Counts the frames of an epoch from 0.
    captured_ns: When the camera delivered it.
    source_index: The number of the frame in a file source, counted on through loops.
    segment: Name of the ring's shared memory, "" where the pixels lie in no ring of this machine.
    sequence: Number of the picture in that ring.
    height, width: Pixels.
    """

    epoch: int
    frame_id: int
    captured_ns: int
    source_index: int
    segment: str
    sequence: int
    height: int
    width: int

    def __post_init__(self) -> None:
        int_range("epoch", self.epoch, 1)
        int_range("frame_id", self.frame_id)
        int_range("captured_ns", self.captured_ns)
        int_range("source_index", self.source_index)
        text("segment", self.segment)
        int_range("sequence", self.sequence)
        int_range("height", self.height, 1, MAX_SIDE)
        int_range("width", self.width, 1, MAX_SIDE)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, 3), the shape of the picture as uint8 BGR."""
        return self.height, self.width, 3


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
        int_range("class_id", self.class_id, 0, 1000)
        boolean("is_sign", self.is_sign)
        float_range("score", self.score, 0.0, 1.0)
        if not isinstance(self.box_xyxy, tuple) or len(self.box_xyxy) != 4:
            raise MessageError(f"box_xyxy: expected 4 numbers, got {self.box_xyxy!r:.80}")
        for value in self.box_xyxy:
            float_range("box_xyxy", value, 0.0, 1.0)
        x0, y0, x1, y1 = self.box_xyxy
        if x1 <= x0 or y1 <= y0:
            raise MessageError(f"box_xyxy: expected x0 < x1 and y0 < y1, got {self.box_xyxy}")
        int_range("map_height", self.map_height, 1, MAX_MAP_SIDE)
        int_range("map_width", self.map_width, 1, MAX_MAP_SIDE)
        if type(self.probability) is not bytes or len(self.probability) != self.map_height * self.map_width:
            size = len(self.probability) if isinstance(self.probability, bytes) else type(self.probability).__name__
            raise MessageError(f"probability: expected {self.map_height} x {self.map_width} bytes, got {size}")


@dataclass(frozen=True, slots=True)
class SetPrivacy:
    """Turn the filter on or off. It names the wanted state and is no "toggle", so that two displays asking at once agree."""

    KIND: ClassVar[int] = 5
    privacy: bool

    def __post_init__(self) -> None:
        boolean("privacy", self.privacy)


@dataclass(frozen=True, slots=True)
class SelectSubject:
    """Choose by hand who stays sharp: person `number` from the left, 1..9; 0: the next one; 10: everybody; 11: one person
    again. It names the wanted state, as SetPrivacy does."""

    KIND: ClassVar[int] = 7
    NEXT: ClassVar[int] = 0
    EVERYBODY: ClassVar[int] = 10
    ONE: ClassVar[int] = 11
    number: int

    def __post_init__(self) -> None:
        int_range("number", self.number, self.NEXT, self.ONE)


@dataclass(frozen=True, slots=True)
class SelectSubjectAt:
    """Choose the person at a point to stay sharp; 0..1 of the picture's width and height."""

    KIND: ClassVar[int] = 8
    x: float
    y: float

    def __post_init__(self) -> None:
        float_range("x", self.x, 0.0, 1.0)
        float_range("y", self.y, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class SetView:
    """Show the instance view, or the filter again. The view shows the camera's own picture: it is privacy off."""

    KIND: ClassVar[int] = 9
    instances: bool

    def __post_init__(self) -> None:
        boolean("instances", self.instances)


@dataclass(frozen=True, slots=True)
class SetBackground:
    """Choose what hides the room: `blur`, `color:RRGGBB`, or "" for what the call began with.

    It can name no file: a viewer must not read the disk.
    """

    KIND: ClassVar[int] = 12
    background: str

    def __post_init__(self) -> None:
        text("background", self.background)
        if self.background not in ("", "blur") and not re.fullmatch(r"color:[0-9a-fA-F]{6}", self.background):
            raise MessageError(f"background: expected blur, color:RRGGBB or nothing, got {self.background!r:.80}")


Command = SetPrivacy | SelectSubject | SelectSubjectAt | SetView | SetBackground
