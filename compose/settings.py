"""The settings of compose."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from common.settings.base import setting
from common.settings.detection import MASK_AGE_ALONE_MS, DetectionSettings
from common.settings.validators import boolean, float_range, one_of
from common.vision.coco import NAMES


def blur_kernel(text: str) -> int:
    """Return an odd number of pixels, or 0. One that is too small for a frame is raised when the frame's size is known."""
    value = int(text) if re.fullmatch(r"\d{1,4}", text) else -1
    if value != 0 and (value % 2 == 0 or not 1 <= value <= 301):
        raise ValueError("an odd number of pixels 1..301, or 0")
    return value


def background(text: str) -> str:
    """Return a background: blur, color:RRGGBB, image:PATH or video:PATH."""
    if text == "blur" or re.fullmatch(r"color:[0-9a-fA-F]{6}", text) or re.fullmatch(r"(image|video):.+", text):
        return text
    raise ValueError("blur, color:RRGGBB, image:PATH or video:PATH")


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
class ComposeSettings(DetectionSettings):
    """Who stays sharp and what hides the rest."""

    kernel: int = setting(
        0,
        blur_kernel,
        "Gaussian blur kernel, odd, in pixels of a picture 600 wide; 0: sigma is 1/30 of the height. Below 1/35 it is "
        "raised to that, so that no face is recognised",
        short="-k",
    )
    edge: str = setting("soft", one_of("soft", "hard"), "soft alpha, or the tutorial's hard paste")
    refine: str = setting(
        "matte",
        one_of("matte", "guided", "none"),
        "edge on the present frame by the small matte; by flow and guided filter, also where the matte is not there; "
        "or the result's own mask as it is",
    )
    subject: str = setting(
        "lock",
        one_of("lock", "top", "all"),
        "who stays sharp: one person, followed; the most confident one of each result; every person",
    )
    return_: str = setting(
        "auto",
        one_of("auto", "ask"),
        "a subject that left and comes back is shown again where that is not in doubt, or always waits for a key or click",
    )
    keep: tuple[str, ...] = setting(
        (), coco_classes, "COCO classes that stay sharp while they touch the subject, separated by commas"
    )
    background: str = setting("blur", background, "what hides the room: blur, color:RRGGBB, image:PATH or video:PATH")
    cpu: float = setting(
        0.0,
        float_range(0, 6400),
        "CPU of the whole call in percent of one core: people are looked for more rarely, then the matte runs on fewer "
        "frames; 0: no limit",
    )
    battery: bool = setting(False, boolean, "while on battery as with --cpu 100", switch=True)

    @property
    def mask_age_alone_ms(self) -> float:
        """The age from which a mask shows nobody while one person alone is followed; `max_mask_age` sets it for both."""
        return self.max_mask_age or max(MASK_AGE_ALONE_MS, self.mask_age_limit_ms)
