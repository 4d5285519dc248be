"""The records inside messages: a frame, an object found in it, and what a viewer may ask for. Each checks itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from common.errors import MessageError
from common.ipc.fields import Checked, Count, Flag, Text, float_range, int_range, one_of

MAX_MAP_SIDE = 512
MAX_SIDE = 16384
ROOM, PEOPLE = "room", "people"  # what is hidden besides the people who are not the subject
HIDES = (ROOM, PEOPLE)
# of the subject's edge, in pixels of a picture 720 high: the widest fade, and the farthest that the edge may lie in or out
MAX_FEATHER, MAX_MARGIN = 40.0, 20.0
MAX_BLUR = 8.0  # of the least blur that is safe: the picture is then a few colours
_COLOUR = r"color:[0-9a-fA-F]{6}"


class DetectorKind(StrEnum):
    """The networks that found the people."""

    NONE = "none"  # no result has come yet
    EMBEDDED = "embedded"  # the small networks alone, which miss more backs and limbs, and find no things
    MASK_RCNN = "mask-rcnn"


@dataclass(frozen=True, slots=True)
class FrameInfo(Checked):
    """One picture: which it is, when it was captured, where its pixels lie and how many there are.

    epoch: One life of capture with one picture size; a random number from 1.
    frame_id: Counts the frames of an epoch from 0.
    captured_ns: When the camera delivered it.
    source_index: The number of the frame in a file source, counted on through loops.
    segment: Name of the ring's shared memory, "" where the pixels lie in no ring of this machine.
    sequence: Number of the picture in that ring.
    height, width: Pixels.
    """

    epoch: Annotated[int, int_range, 1]
    frame_id: Count
    captured_ns: Count
    source_index: Count
    segment: Text
    sequence: Count
    height: Annotated[int, int_range, 1, MAX_SIDE]
    width: Annotated[int, int_range, 1, MAX_SIDE]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, 3), the shape of the picture as uint8 BGR."""
        return self.height, self.width, 3


def box(name: str, value: object) -> None:
    """Check a box x0, y0, x1, y1 in 0..1 that is not empty."""
    if not isinstance(value, tuple) or len(value) != 4:
        raise MessageError(f"{name}: expected 4 numbers, got {value!r:.80}")
    for side in value:
        float_range(name, side, 0.0, 1.0)
    x0, y0, x1, y1 = value
    if x1 <= x0 or y1 <= y0:
        raise MessageError(f"{name}: expected x0 < x1 and y0 < y1, got {value}")


@dataclass(frozen=True, slots=True)
class Instance(Checked):
    """One object found: class (0 = person), score 0..1, half-open box x0, y0, x1, y1 in 0..1 of the frame, and the
    probability map inside the box, `map_height` x `map_width` uint8 row by row, 255 = certain.

    `is_sign`: Only a sign of somebody: a face alone, a part of the picture that no person found explains, or a person who is
    not sure enough. What it covers is hidden, and it is never the subject.
    """

    class_id: Annotated[int, int_range, 0, 1000]
    score: Annotated[float, float_range, 0.0, 1.0]
    box_xyxy: Annotated[tuple[float, float, float, float], box]
    map_height: Annotated[int, int_range, 1, MAX_MAP_SIDE]
    map_width: Annotated[int, int_range, 1, MAX_MAP_SIDE]
    probability: bytes
    is_sign: Flag = False

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        if len(self.probability) != self.map_height * self.map_width:
            size = f"{self.map_height} x {self.map_width} bytes"
            raise MessageError(f"probability: expected {size}, got {len(self.probability)}")


@dataclass(frozen=True, slots=True)
class SetPrivacy(Checked):
    """Turn the filter on or off. It names the wanted state and is no "toggle", so that two displays asking at once agree."""

    KIND: ClassVar[int] = 5
    privacy: Flag


@dataclass(frozen=True, slots=True)
class SelectSubject(Checked):
    """Choose by hand who stays sharp: person `number` from the left, 1..9; 0: the next one; 10: everybody; 11: one person
    again. It names the wanted state, as SetPrivacy does.

    from_right: People are counted from the right: the viewer sees the picture mirrored.
    """

    KIND: ClassVar[int] = 7
    NEXT: ClassVar[int] = 0
    EVERYBODY: ClassVar[int] = 10
    ONE: ClassVar[int] = 11
    number: Annotated[int, int_range, NEXT, ONE]
    from_right: Flag = False


@dataclass(frozen=True, slots=True)
class SelectSubjectAt(Checked):
    """Choose the person at a point to stay sharp; 0..1 of the picture's width and height."""

    KIND: ClassVar[int] = 8
    x: Annotated[float, float_range, 0.0, 1.0]
    y: Annotated[float, float_range, 0.0, 1.0]


@dataclass(frozen=True, slots=True)
class SetView(Checked):
    """Show the instance view, or the filter again. The view shows the camera's own picture: it is privacy off."""

    KIND: ClassVar[int] = 9
    instances: Flag


@dataclass(frozen=True, slots=True)
class SetBackground(Checked):
    """Choose what hides the room: `blur`, `color:RRGGBB`, `image` for the image that the user uploaded, or "" for what the call
    began with.

    It can name no file: a viewer must not read the disk. common/runtime/user_folder.py knows where the user's image is.
    """

    KIND: ClassVar[int] = 12
    background: Text

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        if self.background not in ("", "blur", "image") and not re.fullmatch(_COLOUR, self.background):
            raise MessageError(
                f"background: expected blur, color:RRGGBB, image or nothing, got {self.background!r:.80}"
            )


@dataclass(frozen=True, slots=True)
class SetHide(Checked):
    """Hide the whole room, or only other people."""

    KIND: ClassVar[int] = 20
    hide: Annotated[str, one_of, HIDES]


@dataclass(frozen=True, slots=True)
class SetFollow(Checked):
    """Crop the picture around the subject and glide with them, or show the whole picture."""

    KIND: ClassVar[int] = 21
    follow: Flag


@dataclass(frozen=True, slots=True)
class SetEdge(Checked):
    """Set the subject's edge, in pixels of a picture 720 high.

    feather: Over how many pixels the subject fades out, besides what the edge itself is soft.
    margin: How many pixels the edge lies farther out than it was found; negative: farther in.
    """

    KIND: ClassVar[int] = 22
    feather: Annotated[float, float_range, 0.0, MAX_FEATHER]
    margin: Annotated[float, float_range, -MAX_MARGIN, MAX_MARGIN]


@dataclass(frozen=True, slots=True)
class SetBlur(Checked):
    """Set the strength of the blur, as a multiple of the least that is safe. So no number makes it too weak."""

    KIND: ClassVar[int] = 23
    strength: Annotated[float, float_range, 1.0, MAX_BLUR]


@dataclass(frozen=True, slots=True)
class ResetStyle(Checked):
    """Make the picture look as a flag, the environment, `.env` and the defaults say, as if the page had saved nothing."""

    KIND: ClassVar[int] = 24


def _background_name(name: str, value: object) -> None:
    """Check what a background is called: blur, color:RRGGBB, `image` (uploaded) or `file` (of the settings)."""
    if value not in ("blur", "image", "file") and not (isinstance(value, str) and re.fullmatch(_COLOUR, value)):
        raise MessageError(f"{name}: expected blur, color:RRGGBB, image or file, got {value!r:.80}")


@dataclass(frozen=True, slots=True)
class Style(Checked):
    """What compose makes of the picture now: see the commands that set it.

    blur: Multiple of the least blur that is safe.
    background: What hides the room: `blur`, `color:RRGGBB`, `image` for the image that the user uploaded, `file` for the image
        or video that the settings name. No path: displays on other machines are told too.
    """

    hide: Annotated[str, one_of, HIDES] = ROOM
    follow: Flag = False
    feather: Annotated[float, float_range, 0.0, MAX_FEATHER] = 0.0
    margin: Annotated[float, float_range, -MAX_MARGIN, MAX_MARGIN] = 0.0
    blur: Annotated[float, float_range, 1.0, MAX_BLUR] = 1.0
    background: Annotated[str, _background_name] = "blur"


DEFAULT_STYLE = Style()  # hides the room, behind the weakest blur that is safe
Command = (
    SetPrivacy
    | SelectSubject
    | SelectSubjectAt
    | SetView
    | SetBackground
    | SetHide
    | SetFollow
    | SetEdge
    | SetBlur
    | ResetStyle
)
