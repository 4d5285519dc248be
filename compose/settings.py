"""The settings of compose."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from common.ipc.records import HIDES, MAX_BLUR, MAX_FEATHER, MAX_MARGIN
from common.settings.base import setting
from common.settings.detection import MASK_AGE_ALONE_MS, DetectionSettings
from common.settings.recording import ResultsSettings
from common.settings.validators import boolean, float_range, one_of, path, utf8
from common.vision.coco import NAMES


def blur_kernel(text: str) -> int:
    """Return an odd number of pixels, or 0. One that is too small for a frame is raised when the frame's size is known."""
    value = int(text) if re.fullmatch(r"\d{1,4}", text) else -1
    if value != 0 and (value % 2 == 0 or not 1 <= value <= 301):
        raise ValueError("an odd number of pixels 1..301, or 0")
    return value


def background(text: str) -> str:
    """Return a background: blur, color:RRGGBB, image, image:PATH or video:PATH."""
    if (
        text in ("blur", "image")
        or re.fullmatch(r"color:[0-9a-fA-F]{6}", text)
        or re.fullmatch(r"(image|video):.+", text)
    ):
        return utf8(text)
    raise ValueError("blur, color:RRGGBB, image, image:PATH or video:PATH")


def blur_strength(text: str) -> float:
    """Return a multiple of the least blur that is safe, from 1, or 0."""
    try:
        return float_range(1, MAX_BLUR)(text)
    except ValueError as error:
        if text in ("0", "0.0"):
            return 0.0
        raise ValueError(f"{error}, or 0") from None


def timestamp(text: str) -> float:
    """Return seconds, of SS, MM:SS or HH:MM:SS, which may have a fraction."""
    if not re.fullmatch(r"(\d{1,4}:){0,2}\d{1,6}(\.\d{1,9})?", text):
        raise ValueError("a time such as 12, 1:02.5 or 1:00:12")
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def point(text: str) -> tuple[float, float]:
    """Return a point of the picture, X,Y in 0..1 of its width and height."""
    try:
        x, y = (float_range(0, 1)(part) for part in text.split(","))
    except ValueError:
        raise ValueError("two numbers 0..1, such as 0.4,0.5") from None
    return x, y


def coco_classes(text: str) -> tuple[str, ...]:
    """Return names of COCO classes that are separated by commas."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=3, cutoff=0.5)
            raise ValueError(
                f"names of COCO classes{' such as ' + ', '.join(near) if near else ''} instead of {name!r}"
            )
    return names


@dataclass(frozen=True)
class ComposeSettings(DetectionSettings, ResultsSettings):
    """Who stays sharp and what hides the rest."""

    kernel: int = setting(
        0,
        blur_kernel,
        "Gaussian blur kernel, odd, in pixels of a picture 600 wide; 0: sigma is 1/30 of the height. Below 1/35 it is "
        "raised to that, so that no face is recognised",
        short="-k",
    )
    edge: str = setting(
        "soft", one_of("soft", "hard"), "soft: blended edge; hard: the mask pasted as the tutorial does it"
    )
    refine: str = setting(
        "matte",
        one_of("matte", "guided", "none"),
        "how the edge of the mask follows the present frame. matte: by the small matting network; guided: by optical flow "
        "and a guided filter, which need no network; none: the mask of the last result as it is",
    )
    subject: str = setting(
        "lock",
        one_of("lock", "top", "all", "none"),
        "who stays sharp. lock: one person, who is followed; top: the most confident person of each result; all: everybody; "
        "none: nobody",
    )
    return_: str = setting(
        "auto",
        one_of("auto", "ask"),
        "when a subject that left is shown again. auto: on coming back, unless it is in doubt who came; ask: only after a key "
        "or click",
    )
    keep: tuple[str, ...] = setting(
        (), coco_classes, "COCO classes that stay sharp while they touch the subject, separated by commas"
    )
    blur: float = setting(
        0.0,
        blur_strength,
        "how strongly the room is blurred, as a multiple of the least blur that is safe; 0: as --kernel says",
    )
    background: str = setting(
        "blur",
        background,
        "what hides the room: blur, color:RRGGBB, image (the one that was uploaded on the page), image:PATH or video:PATH",
    )
    hide: str = setting(
        "room",
        one_of(*HIDES),
        "what is hidden. room: everything but the subject; people: everybody but the subject, and whatever is not known to be "
        "the empty room",
    )
    follow: bool = setting(
        False, boolean, "crop the picture around the subject and glide with them; its size stays", switch=True
    )
    feather: float = setting(
        0.0,
        float_range(0, MAX_FEATHER),
        "how far the subject fades out, in pixels of a picture 720 high, besides what the edge itself is soft",
    )
    margin: float = setting(
        0.0,
        float_range(-MAX_MARGIN, MAX_MARGIN),
        "how far out the subject's edge lies, in pixels of a picture 720 high; negative: in. It never lies out towards somebody "
        "else",
    )
    cpu: float = setting(
        0.0,
        float_range(0, 6400),
        "CPU limit of the whole call in percent of one core; to keep it, the network runs less often, then the matte runs on "
        "fewer frames; 0: no limit",
    )
    battery: bool = setting(False, boolean, "use --cpu 100 while the machine runs on battery", switch=True)
    at: float = setting(
        0.0,
        timestamp,
        "with --pace every and --point: time in the recording at which a person is chosen, SS or HH:MM:SS.fff",
    )
    point: tuple[float, float] | None = setting(
        None,
        point,
        "with --pace every: X,Y in 0..1 of width and height, where the person is at --at who stays sharp from then on",
    )
    judgements: Path | None = setting(
        None, path, "with --pace every: file that says of every frame what was shown, and why"
    )

    @property
    def mask_age_alone_ms(self) -> float:
        """The age from which a mask shows nobody while one person alone is followed; `max_mask_age` sets it for both."""
        return self.max_mask_age or max(MASK_AGE_ALONE_MS, self.mask_age_limit_ms)
