"""The settings of a redaction: which of the stages' settings a user may give, and what the stages are given.

They are declared once, by the stages. As everywhere a flag comes before the environment, the environment before `.env`, and
`.env` before the default. What they are is decided once, where a redaction is asked for, so that every process and every
machine that works on it has the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from common.errors import ConfigError
from common.runtime.environment import variables
from common.runtime.install import dotenv_file
from common.settings.base import PREFIX, variable_of
from common.settings.dotenv import read_dotenv
from common.settings.loader import read_settings
from common.stages import settings_of

PROG = "onlyme redact"
STAGES = ("capture", "infer", "compose", "display")
# setting → the stage that declares it, in the order of the help
STAGE_OF = {
    "subject": "compose",
    "at": "compose",
    "point": "compose",
    "return_": "compose",
    "keep": "compose",
    "background": "compose",
    "kernel": "compose",
    "edge": "compose",
    "refine": "compose",
    "look_every": "capture",
    "mask_rcnn": "infer",
    "confidence": "infer",
    "threshold": "infer",
    "infer_width": "infer",
    "proposals": "infer",
    "detections": "infer",
    "device": "infer",
    "codec": "display",
    "quality": "display",
    "sound": "display",
    "metadata": "display",
}
# what a setting of a live call must not change
FIXED = {
    "pace": "every",
    "sink": "video",
    "view": "filtered",
    "connect": "",
    "seconds": "0",
    "rotate_minutes": "0",
    "rotate_mb": "0",
    "cpu": "0",
    "battery": "no",
    "max_infer_hz": "0",
    "max_mask_age": "0",
    "threads": "0",
    "on_demand": "no",
    "hide": "room",
    "follow": "no",
    "blur": "0",
    "feather": "0",
    "margin": "0",
}
Texts = dict[str, str]  # setting → its value as a user writes it


def declared() -> dict[str, Field[Any]]:
    """Return the declaration of each setting of STAGE_OF."""
    found = {stage: {each.name: each for each in fields(settings_of(stage))} for stage in STAGES}
    return {name: found[stage][name] for name, stage in STAGE_OF.items()}


def text_of(value: object) -> str:
    """Return a value as a user writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def resolve(given: Mapping[str, object], environ: Mapping[str, str] | None = None, dotenv: Path | None = None) -> Texts:
    """Return the value of every setting of STAGE_OF that has one, paths made absolute.

    Args:
        given: Setting → value; None where it is not given.
        environ, dotenv: Environment and file `.env`, by default those of this process.

    Raises:
        ConfigError: A setting is unknown, malformed or out of range.
        TypeError: `given` holds something that is no setting of a redaction.
    """
    if unknown := given.keys() - STAGE_OF.keys():
        raise TypeError(f"no such setting of a redaction: {', '.join(sorted(unknown))}")
    environ = variables() if environ is None else environ
    dotenv = dotenv_file() if dotenv is None else dotenv
    variable = {**read_dotenv(dotenv), **environ}
    found = {}
    for name, field in declared().items():
        value = given.get(name)
        if value is None:
            value = variable.get(variable_of(name), field.default)
        if value is not None:
            found[name] = _absolute(name, text_of(value))
    ours = {variable_of(name): value for name, value in {**found, **FIXED}.items()}
    read: dict[str, Any] = {
        stage: read_settings(settings_of(stage), PROG, [], {**environ, **ours}, dotenv) for stage in STAGES
    }
    _check_choice(read["compose"])
    return found


def _check_choice(compose: Any) -> None:
    """Refuse settings of compose that say twice who stays sharp, or half of it."""
    if compose.point is not None and compose.subject != "lock":
        raise ConfigError(f"--point: expected --subject lock beside it, got {compose.subject}; leave out one of them")
    if compose.point is None and compose.at:
        raise ConfigError("--at: expected --point X,Y beside it, got none; add where the person is at that time")


def stage_variables(settings: Texts, of_this_run: Mapping[str, object]) -> Texts:
    """Return the variables ONLYME_* of the stages, and no others: those of this process must not reach them."""
    values = {**settings, **FIXED, **{name: str(value) for name, value in of_this_run.items()}}
    return {variable_of(name): value for name, value in values.items()}


def without_ours(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without variables ONLYME_*."""
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX)}


def _absolute(name: str, text: str) -> str:
    """Return a setting whose path means the same in every folder."""
    if name == "mask_rcnn" and text not in ("", "none") and not text.startswith("~"):
        return str(Path(text).absolute())
    kind, _, path = text.partition(":")
    if name == "background" and kind in ("image", "video") and path and not path.startswith("~"):
        return f"{kind}:{Path(path).absolute()}"
    return text
