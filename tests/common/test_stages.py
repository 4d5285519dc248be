from __future__ import annotations

from collections import defaultdict
from dataclasses import Field, fields
from typing import Any

import pytest

from common.settings.base import Settings
from common.stages import FIRST_START, STAGES, all_settings, checks_of, settings_of
from tests.shared import ROOT


def test_the_table_names_every_stage_of_the_procfile() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    assert list(STAGES) == [line.partition(":")[0] for line in lines]


@pytest.mark.parametrize("stage", STAGES)
def test_settings_and_checks_of_a_stage_are_found(stage: str) -> None:
    assert issubclass(settings_of(stage), Settings)
    assert callable(checks_of(stage))


def test_every_settings_class_that_a_stage_declares_is_in_the_table() -> None:
    """A class that is missing there would have its variables refused as unknown."""
    declared = {
        f"{'.'.join(path.relative_to(ROOT).with_suffix('').parts)}:{line.split()[1].partition('(')[0]}"
        for folder in ("capture", "infer", "compose", "display")
        for path in (ROOT / folder).glob("**/settings.py")
        for line in path.read_text().splitlines()
        if line.startswith("class ") and "Settings(" in line
    }
    assert declared == {FIRST_START, *(stage.settings for stage in STAGES.values())}


def test_every_checks_module_of_a_stage_is_in_the_table() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in ("capture", "infer", "compose", "display")
        for path in (ROOT / folder).glob("**/checks.py")
    }
    assert modules == {stage.checks.partition(":")[0] for stage in STAGES.values() if stage.checks}


def test_a_variable_means_the_same_to_every_stage_that_has_it() -> None:
    """All stages share one environment."""
    by_name: dict[str, list[Field[Any]]] = defaultdict(list)
    for kind in all_settings().values():
        for item in fields(kind):
            by_name[item.name].append(item)
    assert len(by_name["confidence"]) == 2, "infer and compose"
    for name, items in by_name.items():
        assert len({(id(item.metadata["check"]), repr(item.default), item.metadata["help"]) for item in items}) == 1, (
            name
        )
