"""Prints rows as an aligned table under a title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def print_table(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Columns are the keys of the first row, in order."""
    print(f"\n{title}")
    names = list(rows[0])
    cells = [names, *[[_text(row.get(name, "")) for name in names] for row in rows]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    for line in cells:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
