"""The messages that processes send each other. common/ipc/streams.py says on which stream each one travels.

Pixels never travel here, with one exception: a relay sends JPEG to other machines. A message names the ring in shared
memory in which the picture lies. Times are CLOCK_MONOTONIC nanoseconds. Boxes are half-open and relative (0..1 of width and
height). Units stand at the end of names. Messages about a frame carry its `epoch`, `frame_id` and `captured_ns` unchanged
from capture to display, so that skipped frames are counted and never guessed. A card has the numbers of the last frame and a
time of its own.

Every message checks itself when it is made, and so also when it is decoded: a malformed one raises MessageError, and the
receiver counts and drops it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from common.errors import MessageError
from common.ipc.fields import Checked, Count, Flag, Text, at_most, float_range, int_range, one_of
from common.ipc.records import DEFAULT_STYLE, MAX_SIDE, Command, DetectorKind, FrameInfo, Instance, Style, box

MAX_INSTANCES = 400
MAX_WORKERS = 1024
# of a relayed picture: the largest that cameras give, 106 MB in memory; larger ones are made smaller
MAX_PIXELS = 8192 * 4320
LOST = "lost"  # the state in which a composite is a card
OFF = "off"  # the state in which a composite is the camera's own picture
INSTANCES = "instances"  # the state in which a composite is the instance view
EVERYBODY = "everybody"  # the state in which every person is shown, and the room is hidden
STATES = ("starting", "live", EVERYBODY, "hidden", LOST, OFF, INSTANCES)  # as compose/policy.py has them


@dataclass(frozen=True, slots=True)
class FrameCaptured(Checked):
    """capture → compose: a frame of the camera lies in the ring.

    is_look: With `--pace every`, whether a worker is given the frame: its result then always comes.
    is_cut: With `--pace every`, whether the frame is the first of another shot.
    """

    KIND: ClassVar[int] = 1
    frame: FrameInfo
    is_look: Flag = False
    is_cut: Flag = False


@dataclass(frozen=True, slots=True)
class SourceNotice(Checked):
    """capture → compose: what the person in front should read in the picture from now on, "" for nothing.

    It is sent before every frame that it belongs to, and "" once before the first frame without one.
    """

    KIND: ClassVar[int] = 16
    notice: Text


@dataclass(frozen=True, slots=True)
class SourceLost(Checked):
    """capture → compose: the source delivers nothing any more, for a reason that the person in front should read.

    Frames that come after it belong to another epoch.
    """

    KIND: ClassVar[int] = 6
    reason: Text


@dataclass(frozen=True, slots=True)
class SourceIdle(Checked):
    """capture → compose: with `--on-demand`, the source is closed because nobody looks. It is repeated every second.

    To compose it is a loss: frames that come after it belong to another epoch.

    height, width: Pixels of the pictures that the source is asked for; it may have given none yet.
    """

    KIND: ClassVar[int] = 30
    height: Annotated[int, int_range, 1, MAX_SIDE]
    width: Annotated[int, int_range, 1, MAX_SIDE]


@dataclass(frozen=True, slots=True)
class ViewersPresent(Checked):
    """display, relay → capture: somebody looks at a display at `seen_ns`. It is sent at once and repeated while that is so; silence
    means that nobody looks, also that of a display that has died."""

    KIND: ClassVar[int] = 31
    seen_ns: Count


@dataclass(frozen=True, slots=True)
class RecordingEnded(Checked):
    """capture → compose → display: with `--pace every`, there are `number` frames, and no more will come."""

    KIND: ClassVar[int] = 18
    number: Count


@dataclass(frozen=True, slots=True)
class FramesWanted(Checked):
    """display → compose → capture: with `--pace every`, whoever receives has every frame before `number`, and wants that one and
    what follows. The end counts as the frame after the last one.

    It is sent whenever a frame was taken, and again now and then while none comes: what was sent from `number` on is then sent
    again.
    """

    KIND: ClassVar[int] = 19
    number: Count


@dataclass(frozen=True, slots=True)
class WorkRequested(Checked):
    """infer → capture: this worker is idle and takes the newest frame that no other worker was given."""

    KIND: ClassVar[int] = 2
    worker: Text


@dataclass(frozen=True, slots=True)
class WorkAssigned(Checked):
    """capture → infer: this worker alone is given the frame. `workers` is how many work at once and share the cores."""

    KIND: ClassVar[int] = 17
    frame: FrameInfo
    workers: Annotated[int, int_range, 0, MAX_WORKERS]


@dataclass(frozen=True, slots=True)
class MasksInferred(Checked):
    """infer → compose: everything found in one frame. No instances is a result too; silence is not.

    epoch, frame_id, captured_ns: Of the frame.
    inference_ns: How long the worker took.
    worker, model: Names of the worker and of its networks, for people to read.
    held_ns: 0 where this very frame was looked at. Where nothing has moved since an earlier frame, its result is sent again,
        and this is the time from that frame to this one: a mask is as old as the frame it was made from.
    cpu_ns: Processor time of the inference, 0 where there was none.
    """

    KIND: ClassVar[int] = 3
    epoch: Annotated[int, int_range, 1]
    frame_id: Count
    captured_ns: Count
    inference_ns: Count
    worker: Text
    model: Text
    instances: Annotated[tuple[Instance, ...], at_most, MAX_INSTANCES] = ()
    held_ns: Count = 0
    cpu_ns: Count = 0
    detector: Annotated[DetectorKind, one_of, (DetectorKind.EMBEDDED, DetectorKind.MASK_RCNN)] = DetectorKind.EMBEDDED

    @property
    def looked_ns(self) -> int:
        """When the frame that was looked at was captured."""
        return self.captured_ns - self.held_ns

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        int_range("held_ns", self.held_ns, 0, self.captured_ns)


def box_or_nothing(name: str, value: object) -> None:
    """Check a box x0, y0, x1, y1 in 0..1 that is not empty, or ()."""
    if value != ():
        box(name, value)


@dataclass(frozen=True, slots=True)
class FrameComposed(Checked):
    """compose → every display: what may be shown lies in the ring.

    frame: Of the frame composed, but that the ring is that of composites. In the state `lost` there is no frame: the card
        carries the numbers of the last one and its own time.
    state, reason: Those of compose/policy.py.
    mask_age_ms: Age of the mask used, -1.0 for none.
    privacy: False only after an explicit act.
    model: Name of the networks that found the people, "" before the first result.
    detector: The kind of those networks.
    question: What the person in front is asked, "" for nothing. It is shown to that person alone: over the window's
        picture and on the page, never in a picture that leaves this machine.
    everybody: True while every person who is found is shown, also where nobody is found just now.
    style: What compose makes of the picture now.
    fixed: Names of settings that a flag, the environment or `.env` sets, separated by commas: displays do not offer to change
        these.
    notice: What the source says, which also stands in the picture; "" for nothing.
    subject_xyxy: Box around the one person who stays sharp, in 0..1 of the picture; () for nobody or everybody.
    """

    KIND: ClassVar[int] = 4
    frame: FrameInfo
    composed_ns: Count
    state: Annotated[str, one_of, STATES]
    reason: Text
    mask_age_ms: Annotated[float, float_range, -1.0, 1e12]
    privacy: Flag
    model: Text
    detector: DetectorKind = DetectorKind.NONE
    question: Text = ""
    everybody: Flag = False
    style: Style = DEFAULT_STYLE
    fixed: Text = ""
    notice: Text = ""
    subject_xyxy: Annotated[tuple[float, ...], box_or_nothing] = ()

    @property
    def shows_everybody(self) -> bool:
        """Whether every person who is found is shown; a relayed composite says that by the state alone."""
        return self.everybody or self.state == EVERYBODY


@dataclass(frozen=True, slots=True)
class CommandIssued(Checked):
    """display → compose: a viewer issued a command at `issued_ns`, while a picture of `epoch` was on the display.

    A command that comes late, or that was issued for another epoch, would change a picture that the viewer has not seen.
    Both are stated here so that compose can refuse it.
    """

    KIND: ClassVar[int] = 13
    epoch: Count
    issued_ns: Count
    command: Command


@dataclass(frozen=True, slots=True)
class ViewerReady(Checked):
    """viewer → relay: this viewer took picture `number` (0: none yet) and wants the next; repeated now and then."""

    KIND: ClassVar[int] = 10
    number: Count


@dataclass(frozen=True, slots=True)
class PictureRelayed(Checked):
    """relay → viewer: a composite as JPEG, or a card while privacy is off.

    number: Counts the pictures of this relay, from 1.
    sent_ns: When it was sent, by the relay's clock, as all times here.
    composite: Without what stays on the relay's machine: place in shared memory, question, `everybody`. The picture may be
        smaller than compose made it.
    jpeg: The picture.
    """

    KIND: ClassVar[int] = 11
    number: Annotated[int, int_range, 1]
    sent_ns: Count
    composite: FrameComposed
    jpeg: bytes

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        frame = self.composite.frame
        if frame.segment or frame.sequence or self.composite.question or self.composite.everybody:
            raise MessageError(
                f"composite: expected nothing that stays on the relay's machine, got {self.composite!r:.80}"
            )
        int_range("height * width", frame.height * frame.width, 1, MAX_PIXELS)
        if not self.jpeg:
            raise MessageError("jpeg: expected bytes, got none")


@dataclass(frozen=True, slots=True)
class LoadReported(Checked):
    """every other stage → compose, once a second: how many cores a process has used."""

    KIND: ClassVar[int] = 14
    process: Text
    cores: Annotated[float, float_range, 0.0, 1e6]


@dataclass(frozen=True, slots=True)
class InferenceScheduled(Checked):
    """compose → infer: how every worker has to work from now on.

    hz: Inferences a second of each worker, 0.0 for as many as it can.
    insists: A worker insists on its share of the processor; else every other program runs first.
    light: The embedded detector works alone, without the Mask R-CNN, for which the processor is too busy.
    things: Things are shown as well as people, and only the Mask R-CNN finds those.
    since_ns: Compose cannot tell who is in frames captured from then on: it needs a result at once.
    looked_ns: When the frame was captured that the mask in use was made from, whichever worker made it.
    limit_ms: The age from which that mask shows nobody.
    """

    KIND: ClassVar[int] = 15
    hz: Annotated[float, float_range, 0.0, 1e6]
    insists: Flag
    light: Flag
    things: Flag
    since_ns: Count
    looked_ns: Count
    limit_ms: Count


Message = (
    FrameCaptured
    | SourceNotice
    | SourceLost
    | SourceIdle
    | ViewersPresent
    | RecordingEnded
    | FramesWanted
    | WorkRequested
    | WorkAssigned
    | MasksInferred
    | FrameComposed
    | CommandIssued
    | ViewerReady
    | PictureRelayed
    | LoadReported
    | InferenceScheduled
)
