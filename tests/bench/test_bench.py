"""The bench's arithmetic, what it reads, and what it writes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bench import deploys, films, machines, plot
from bench.figures import alone, compare, in_turns, table

PRINTED = """Running 5s test @ http://10.213.4.13:8080/api/movies/1
  2 threads and 64 connections
{"requests": 500, "failed": 2, "seconds": 5.000000, "p95": 2.500, "p99": 3.500}
"""
PROFILE = """PLAY RECAP ****
host : ok=1

TASKS RECAP ****
===============================================================================
stack : Roll the release out ------------------------------------------- 7.42s
Gathering Facts --------------------------------------------------------- 0.81s
"""


def test_sides_are_measured_in_turns() -> None:
    seen: list[str] = []

    def side(name: str, value: int) -> int:
        seen.append(name)
        return value

    pairs = in_turns(lambda: side("a", 1), lambda: side("b", 2), 3)
    assert seen == ["a", "b", "b", "a", "a", "b"]
    assert pairs == [(1, 2)] * 3


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    row = compare("a", "b", "s", [(2, 1), (9, 1), (4, 2)], at_least=2)
    assert (row.ours, row.theirs, row.judged) == (4, 1, 2)
    assert row.met


@pytest.mark.parametrize(
    ("pairs", "aims", "met"),
    [
        ([(1, 2)], {"at_least": 0.5}, True),
        ([(1, 2)], {"at_least": 0.51}, False),
        ([(1, 2)], {"at_most": 0.5}, True),
        ([(1, 2)], {"at_most": 0.49}, False),
        ([(1, 2)], {}, None),
    ],
)
def test_an_aim_is_met_or_missed(
    pairs: list[tuple[float, float]], aims: dict[str, float], met: bool | None
) -> None:
    assert compare("a", "b", "s", pairs, **aims).met is met


def test_a_value_is_judged_by_itself() -> None:
    row = alone("a", "s", [3, 1, 2], at_most=2, beside=("b", [0.5, 0.1, 0.2]))
    assert (row.judged, row.theirs, row.met) == (2, 0.2, True)


def test_a_table_says_what_was_missed() -> None:
    rows = [compare("a", "b", "s", [(1, 2)], at_least=0.9), alone("c", "MB", [1234.5])]
    assert table(rows).splitlines()[2:] == [
        "| a | 1 s | b | 2 s | 0.5 (0.5 to 0.5) | ≥ 0.9 | **missed** |",
        "| c | 1,234 MB |  |  |  |  |  |",
    ]


def test_figures_of_wrk_are_read() -> None:
    load = machines.read_load(PRINTED)
    assert (load.rate, load.failed, load.p99) == (100, 2, 3.5)


@pytest.mark.parametrize("printed", ["", "unable to connect\n", "{}\n"])
def test_wrk_without_figures_is_an_error(printed: str) -> None:
    with pytest.raises(machines.BenchError, match="no figures"):
        machines.read_load(printed)


def test_tasks_of_a_run_are_read() -> None:
    assert deploys.tasks(PROFILE) == {"stack : Roll the release out": 7.42, "Gathering Facts": 0.81}


def test_figures_of_an_import_are_read() -> None:
    printed = "import of 1000 lines: 61.5 s, 85 MB\nonce more: 30.1 s, 80 MB\nplain COPY 35.2 s, ratio 1.75\n"
    assert films.read_import(printed) == {"import": 61.5, "memory": 85, "copy": 35.2}


def test_an_import_without_figures_is_an_error() -> None:
    with pytest.raises(machines.BenchError, match="no figures"):
        films.read_import("there are films in this database already\n")


def test_a_picture_is_drawn_and_always_the_same(tmp_path: Path) -> None:
    rows = [
        compare("quick", "slow", "s", [(1, 2), (1, 4)], at_most=0.9),
        alone("task of it, unchanged: Gathering Facts", "s", [0.8]),
    ]
    results = tmp_path / "results.json"
    results.write_text(json.dumps({"rows": [asdict(row) for row in rows]}))
    pictures = [tmp_path / "one.svg", tmp_path / "two.svg"]
    for picture in pictures:
        plot.draw(results, picture)
    one, two = (picture.read_text() for picture in pictures)
    assert one == two
    assert "<svg" in one
