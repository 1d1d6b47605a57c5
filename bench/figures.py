"""Figures of two sides that were measured in turns, and the table that they end in."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Measured = TypeVar("Measured")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        against: What it was measured beside; may be empty.
        unit: Of both values.
        ours: The median of the rounds.
        theirs: The same of the other side; None if there is none.
        ratios: Ours to theirs in each round; empty if it is not to be judged by that.
        aim: What the median ratio, or else our value, should be: at least this if `at_least`, else at most.
            None if that is for the reader to judge.
    """

    what: str
    against: str
    unit: str
    ours: float
    theirs: float | None
    ratios: tuple[float, ...]
    aim: float | None
    at_least: bool

    @property
    def judged(self) -> float:
        return statistics.median(self.ratios) if self.ratios else self.ours

    @property
    def met(self) -> bool | None:
        """Whether it is as it should be; None if it has no aim."""
        if self.aim is None:
            return None
        return self.judged >= self.aim if self.at_least else self.judged <= self.aim


def in_turns(
    ours: Callable[[], Measured], theirs: Callable[[], Measured], rounds: int
) -> list[tuple[Measured, Measured]]:
    """Measure two sides `rounds` times each; each is the first every second time."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            second = theirs()
            pairs.append((ours(), second))
        else:
            first = ours()
            pairs.append((first, theirs()))
    return pairs


def compare(
    what: str,
    against: str,
    unit: str,
    pairs: Iterable[tuple[float, float]],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Row:
    """Make a row that is judged by the ratio of two sides."""
    ours, theirs = zip(*pairs, strict=True)
    ratios = tuple(one / other for one, other in zip(ours, theirs, strict=True))
    aim = at_most if at_least is None else at_least
    medians = statistics.median(ours), statistics.median(theirs)
    return Row(what, against, unit, *medians, ratios, aim, at_least is not None)


def alone(
    what: str,
    unit: str,
    values: Sequence[float],
    *,
    at_most: float | None = None,
    beside: tuple[str, Sequence[float]] | None = None,
) -> Row:
    """Make a row that is judged by its own value; what stands beside it is there to be seen."""
    against, theirs = beside or ("", ())
    other = statistics.median(theirs) if theirs else None
    return Row(what, against, unit, statistics.median(values), other, (), at_most, at_least=False)


def number(value: float) -> str:
    """Write three figures that count, or all that stand before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(rows: Iterable[Row]) -> str:
    """Write rows as a table in Markdown."""
    lines = ["| | here | against | there | ratio (of the rounds) | aim | |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        here = f"{number(row.ours)} {row.unit}"
        there = "" if row.theirs is None else f"{number(row.theirs)} {row.unit}"
        ratio = ""
        if row.ratios:
            ratio = f"{number(row.judged)} ({number(min(row.ratios))} to {number(max(row.ratios))})"
        sign, unit = ("≥" if row.at_least else "≤"), ("" if row.ratios else f" {row.unit}")
        aim = "" if row.aim is None else f"{sign} {number(row.aim)}{unit}"
        met = {True: "met", False: "**missed**", None: ""}[row.met]
        lines.append(f"| {row.what} | {here} | {row.against} | {there} | {ratio} | {aim} | {met} |")
    return "\n".join(lines)
