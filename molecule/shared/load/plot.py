"""Draws what a redeploy looks like from outside, for plot.py DATA PICTURE.

DATA is what the scenario's tests leave in .cache/redeploy/redeploy.json, PICTURE an SVG.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP = 760, 150, 60, 50
GAP = 96  # between the charts
CHARTS = (
    ("recreate", "docker compose up -d", "docker compose up"),
    ("redeploy", "ansible-playbook site.yml", "switch"),
)
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #444; }
  .title { font-weight: 600; font-size: 15px; }
  .answered { fill: #2a7ab9; }
  .failed { fill: #d1342f; }
  .axis { stroke: #999; }
  .moment { stroke: #444; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #ccc; }
    .answered { fill: #4aa3e0; }
    .failed { fill: #ff6b63; }
    .moment { stroke: #ccc; }
  }
"""


@dataclass(frozen=True)
class Series:
    """Requests answered and failed in each slice of time."""

    before: float  # seconds from the first slice to the moment that matters
    width: float  # seconds of a slice
    slices: list[list[int]]

    @property
    def top(self) -> int:
        return max(answered + failed for answered, failed in self.slices)

    @property
    def seconds(self) -> float:
        return self.width * len(self.slices)


def text(x: float, y: float, content: str, anchor: str = "start", kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{style}>{content}</text>'


def bars(series: Series, highest: int, base: float) -> Iterator[str]:
    """Yield two shapes: what was answered, and on top of it what failed."""
    scale, step = HEIGHT / highest, WIDTH / len(series.slices)
    for kind, number in (("answered", 0), ("failed", 1)):
        parts = []
        for position, counts in enumerate(series.slices):
            if counts[number]:
                low = base - scale * sum(counts[:number])
                x, height = LEFT + position * step, scale * counts[number]
                parts.append(f"M{x:.1f} {low:.1f}h{step - 0.6:.1f}v{-height:.1f}h{0.6 - step:.1f}z")
        yield f'<path class="{kind}" d="{"".join(parts)}"/>'


def chart(series: Series, highest: int, base: float, title: str, moment: str) -> Iterator[str]:
    answered, failed = (sum(counts[number] for counts in series.slices) for number in (0, 1))
    yield text(LEFT, base - HEIGHT - 26, title, kind="title")
    yield text(LEFT + WIDTH, base - HEIGHT - 26, f"{answered:,} answered, {failed:,} failed", "end")
    yield from bars(series, highest, base)
    yield f'<path class="axis" fill="none" d="M{LEFT} {base - HEIGHT}V{base}H{LEFT + WIDTH}"/>'
    for value in (0, highest // 2, highest):
        yield text(LEFT - 8, base - HEIGHT * value / highest + 4, str(value), "end")
    for second in range(int(-series.before), int(series.seconds - series.before) + 1, 5):
        x = LEFT + WIDTH * (second + series.before) / series.seconds
        yield text(x, base + 18, f"{second} s", "middle")
    x = LEFT + WIDTH * series.before / series.seconds
    yield f'<path class="moment" d="M{x:g} {base}V{base - HEIGHT - 6}"/>'
    yield text(x, base - HEIGHT - 10, moment, "middle")


def picture(data: dict[str, Series]) -> str:
    """Return the charts as SVG, one above the other, on the same scale."""
    highest = -(-max(series.top for series in data.values()) // 10) * 10
    lines: list[str] = []
    for number, (name, title, moment) in enumerate(CHARTS):
        base = TOP + HEIGHT + number * (HEIGHT + GAP)
        lines += chart(data[name], highest, base, title, moment)
    bottom = TOP + len(CHARTS) * (HEIGHT + GAP) - GAP + 44
    lines.append(text(LEFT, bottom, "requests per 100 ms:"))
    for x, kind in ((LEFT + 150, "answered"), (LEFT + 240, "failed")):
        lines.append(f'<rect class="{kind}" x="{x}" y="{bottom - 10}" width="10" height="10"/>')
        lines.append(text(x + 16, bottom, kind))
    size = f'width="{LEFT + WIDTH + 30}" height="{bottom + 16}"'
    view = f'viewBox="0 0 {LEFT + WIDTH + 30} {bottom + 16}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} role="img">'
    title = "<title>Requests per 100 ms while a release is replaced: by hand, and by this project</title>"
    return "\n".join([head, title, f"<style>{STYLE}</style>", *lines, "</svg>\n"])


def main(data: Path, target: Path) -> None:
    series = {name: Series(**found) for name, found in json.loads(data.read_text()).items()}
    target.write_text(picture(series))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
