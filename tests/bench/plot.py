"""Curves into one PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

Points = Sequence[tuple[float, float]]
BROKEN = ("--", ":", "-.")


@dataclass
class Panel:
    """One set of axes: measured curves, and the bounds they approach as broken lines."""

    title: str
    across: str
    up: str
    curves: Mapping[str, Points]
    bounds: Mapping[str, Points] = field(default_factory=dict)


def draw(panels: Sequence[Sequence[Panel]], caption: str, out: Path) -> None:
    """Rows of panels, written to `out`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows, columns = len(panels), max(map(len, panels))
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(4.2 * columns, 3.6 * rows), squeeze=False, layout="constrained"
    )
    for line, of in zip(axes, panels, strict=True):
        for ax, panel in zip(line, of, strict=False):
            for name, points in panel.curves.items():
                ax.plot(*zip(*points, strict=True), marker="o", label=name)
            for style, (name, points) in zip(cycle(BROKEN), panel.bounds.items(), strict=False):
                ax.plot(*zip(*points, strict=True), linestyle=style, color="grey", label=name)
            ax.set(title=panel.title, xlabel=panel.across, ylabel=panel.up)
            ax.set_ylim(bottom=0)
            ax.grid(alpha=0.3)
            ax.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, frameon=False)
        for ax in line[len(of) :]:
            ax.axis("off")
    figure.suptitle(caption, fontsize=8)
    figure.savefig(out, dpi=80)
    pyplot.close(figure)
    print(f"\ndrawn into {out}")
