"""`python -m docs.generate`: write the tables of settings and streams, and `.env.example`, from the code that declares them.

Each setting and each stream is declared once. A test fails where one of the files is not what this writes.
"""

from __future__ import annotations

import textwrap
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, NamedTuple

from common.ipc.streams import STREAMS, SocketStream, Stream
from common.runtime.install import CODE
from common.settings.base import Settings, flag_of, variable_of
from common.stages import all_settings

BEGIN, END = "<!-- Written by `python -m docs.generate`. -->\n", "<!-- The end of what is written. -->\n"
ALL = "all stages"
EXAMPLE_WIDTH = 110
EXAMPLE_HEAD = """\
# Every setting with its default. Copy this file to .env and take the # off what you change.
# Flags come before the environment, the environment before .env, .env before what the page has saved, that before the defaults.
# A value is all that stands after the =, less one pair of quotes around all of it: a comment needs a line of its own.
# An address with a password and a token are safer here than as flags, which ps shows to every user of the machine.
"""


class Setting(NamedTuple):
    """One setting, and the stages that read it, in the order of the schema."""

    field: Field[Any]
    stages: list[str]

    @property
    def flags(self) -> list[str]:
        """Return its flags, the short one first."""
        return [name for name in (self.field.metadata["short"], flag_of(self.field.name)) if name]

    @property
    def default(self) -> str:
        """Return its default as a user writes it, "" where it has none."""
        value = self.field.default
        if value is None:
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, float):
            return f"{value:g}"
        if isinstance(value, tuple):
            return ",".join(value)
        if isinstance(value, Path) and value.is_relative_to(CODE):
            return str(value.relative_to(CODE))
        return str(value)

    @property
    def values(self) -> str:
        """Return what may be given, "" for any text: a check says that when it refuses something."""
        for refused in ("\0", ""):
            try:
                self.field.metadata["check"](refused)
            except ValueError as error:
                return str(error).partition(" instead of ")[0]
        return ""

    @property
    def meaning(self) -> str:
        """Return its help."""
        text: str = self.field.metadata["help"]
        return text


def settings_by_stage() -> dict[str, list[Setting]]:
    """Return every setting once, under `ALL` or the first stage that reads it."""
    common = {item.name for item in fields(Settings)}
    found: dict[str, Setting] = {}
    for stage, kind in all_settings().items():
        for item in fields(kind):
            name = ALL if item.name in common else stage
            setting = found.setdefault(item.name, Setting(item, []))
            if name not in setting.stages:
                setting.stages.append(name)
    groups: dict[str, list[Setting]] = {ALL: [], **{stage: [] for stage in all_settings()}}
    for setting in found.values():
        groups[setting.stages[0]].append(setting)
    return groups


def settings_tables() -> str:
    """Return one table of settings a stage, in Markdown."""
    return "\n".join(_table(stage, settings) for stage, settings in settings_by_stage().items())


def _table(stage: str, settings: list[Setting]) -> str:
    rows = [f"### {stage.capitalize()}\n", "| flag | default | values | meaning |", "|---|---|---|---|"]
    for setting in settings:
        flags = ", ".join(f"`{flag}`" for flag in setting.flags)
        default = f"`{setting.default}`" if setting.default else "–"
        also = f" (also read by {', '.join(setting.stages[1:])})" if setting.stages[1:] else ""
        rows.append(f"| {flags} | {default} | {_cell(setting.values)} | {_cell(setting.meaning)}{also} |")
    return "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def streams_table() -> str:
    """Return the table of streams, in Markdown."""
    head = "| stream | from → to | carried by | messages | how often | what is missed |\n|---|---|---|---|---|---|\n"
    return head + "".join(_row(stream) for stream in STREAMS)


def _row(stream: Stream) -> str:
    carried_by = f"{stream.transport} + ring" if isinstance(stream, SocketStream) and stream.slots else stream.transport
    contents = stream.contents
    messages = contents if isinstance(contents, str) else ", ".join(message.__name__ for message in contents)
    return f"| {stream.name} | {stream.route} | {carried_by} | {messages} | {stream.rate} | {stream.lost} |\n"


def page(before: str, tables: str) -> str:
    """Return a page with its tables written anew; the text around them stays as it is `before`."""
    head, _, rest = before.partition(BEGIN)
    return f"{head}{BEGIN}\n{tables}\n{END}{rest.partition(END)[2]}"


def example() -> str:
    """Return the text of `.env.example`."""
    lines = [EXAMPLE_HEAD]
    for stage, settings in settings_by_stage().items():
        lines.append(f"\n# {stage}\n")
        for setting in settings:
            values = f" ({setting.values})" if setting.values else ""
            lines += [f"# {line}\n" for line in textwrap.wrap(setting.meaning + values, EXAMPLE_WIDTH)]
            lines.append(f"# {variable_of(setting.field.name)}={setting.default}\n")
    return "".join(lines)


def generated() -> dict[Path, str]:
    """Return the text of every generated file."""
    tables = {"settings.md": settings_tables(), "how-it-works.md": streams_table()}
    pages = {CODE / "docs" / name: text for name, text in tables.items()}
    return {**{path: page(path.read_text(), text) for path, text in pages.items()}, CODE / ".env.example": example()}


def main() -> None:
    """Write the files."""
    for path, text in generated().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
