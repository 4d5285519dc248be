"""Table of the stages: which class declares the settings of each, and which function checks what it needs.

Modules of common import no stage. The table therefore names classes and functions as "module:name", and they are imported
when somebody asks for them.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple

from common.findings import Finding
from common.settings.base import Settings

Checks = Callable[[Any], list[Finding]]  # is given the settings of its stage


class Stage(NamedTuple):
    """One row of the table; each field is "module:name".

    Attributes:
        settings: Dataclass that declares the settings, a subclass of Settings.
        checks: Function that returns findings for `python -m common.doctor`; "" where the stage has none.
    """

    settings: str
    checks: str = ""


STAGES = {
    "capture": Stage("capture.settings:CaptureSettings", "capture.checks:checks"),
    "infer": Stage("infer.settings:InferSettings", "infer.checks:checks"),
    "compose": Stage("compose.settings:ComposeSettings"),
    "display": Stage("display.settings:DisplaySettings", "display.checks:checks"),
    "relay": Stage("display.relay.settings:RelaySettings"),
}
FIRST_START = "infer.settings:FirstStartSettings"  # of `make run`, before it starts the stages


def settings_of(stage: str) -> type[Settings]:
    """Return the settings class of a stage."""
    kind: type[Settings] = pkgutil.resolve_name(STAGES[stage].settings)
    return kind


def all_settings() -> dict[str, type[Settings]]:
    """Return every settings class, by the name of its stage; "first start" is that of `make run`."""
    return {**{stage: settings_of(stage) for stage in STAGES}, "first start": pkgutil.resolve_name(FIRST_START)}


def checks_of(stage: str) -> Checks:
    """Return the checks of a stage; where it has none, a function that finds nothing."""
    name = STAGES[stage].checks
    return pkgutil.resolve_name(name) if name else lambda _: []
