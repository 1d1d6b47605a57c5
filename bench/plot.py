"""Draws what was measured, for plot.py RESULTS PICTURE."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

OURS, AIM, INK = "#2a7ab9", "#d1342f", "#808080"
STYLE: dict[Any, Any] = {
    # Seen on a light page and on a dark one.
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "savefig.transparent": True,
    # Text stays text: the reader's own font, and a tenth of the size.
    "svg.fonttype": "none",
    # The same picture from the same figures.
    "svg.hashsalt": "bench",
    "font.size": 9,
}


def draw(results: Path, picture: Path) -> None:
    """Draw each ratio with its aim, and where the time of a deploy goes."""
    rows = json.loads(results.read_text())["rows"]
    ratios = [row for row in rows if row["ratios"]]
    tasks = [row for row in rows if row["what"].startswith("task of it")]
    with plt.rc_context(STYLE):
        heights = [len(ratios), len(tasks) or 1]
        figure, (above, below) = plt.subplots(
            2, 1, figsize=(9, 0.34 * sum(heights) + 1.6), height_ratios=heights, layout="constrained"
        )
        _ratios(above, ratios)
        _tasks(below, tasks)
        figure.savefig(picture, metadata={"Date": None, "Creator": None})
        plt.close(figure)
    # The library ends lines with spaces.
    lines = [line.rstrip() for line in picture.read_text().splitlines()]
    picture.write_text("\n".join(lines) + "\n")


def _ratios(axes: Any, rows: list[dict[str, Any]]) -> None:
    names = [f"{row['what']}\nagainst {row['against']}".replace("`", "") for row in rows]
    for place, row in enumerate(rows):
        axes.plot([min(row["ratios"]), max(row["ratios"])], [place, place], color=OURS, linewidth=2)
        axes.plot(statistics.median(row["ratios"]), place, "o", color=OURS)
        axes.plot(row["aim"], place, ">" if row["at_least"] else "<", color=AIM)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.invert_yaxis()
    axes.axvline(1, color=INK, linewidth=0.5)
    axes.set_title(
        "ratio, median and range of the rounds (dot, line); aim: right of ▶, left of ◀", fontsize=9
    )


def _tasks(axes: Any, rows: list[dict[str, Any]]) -> None:
    names = [row["what"].removeprefix("task of it, ") for row in rows]
    axes.barh(range(len(rows)), [row["ours"] for row in rows], color=OURS)
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set_title("seconds of a deploy, by task", fontsize=9)


if __name__ == "__main__":
    draw(*map(Path, sys.argv[1:]))
