"""bin/test: which parts it runs, and what it says at the end."""

from __future__ import annotations

import subprocess

import parts
import pytest
from runs import REPOSITORY


def test_without_a_name_it_runs_what_somebody_new_can_wait_for() -> None:
    assert parts.chosen([]) == ["lint", "unit", "app", "quick"]


def test_all_leaves_out_what_the_others_have() -> None:
    assert set(parts.PARTS) - set(parts.chosen(["all"])) == {"quick"}


def test_each_part_runs_once_and_in_its_order() -> None:
    assert parts.chosen(["default", "lint", "default"]) == ["lint", "default"]
    assert parts.chosen(["all", "quick"]) == list(parts.PARTS)


def test_each_scenario_is_a_part() -> None:
    scenarios = {path.parent.name for path in (REPOSITORY / "molecule").glob("*/molecule.yml")}
    assert scenarios == parts.PARTS.keys() - {"lint", "unit", "app"}


@pytest.mark.parametrize(
    ("name", "says"),
    [("htpp", "htpp is unknown, did you mean http?"), ("zzz", "zzz is unknown, choose from lint, unit,")],
)
def test_a_wrong_name_is_refused_in_one_line(name: str, says: str) -> None:
    result = subprocess.run(
        [REPOSITORY / "bin/test", "lint", name], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_help_names_each_part() -> None:
    said = subprocess.run(
        [REPOSITORY / "bin/test", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(f"  {name} " in said for name in [*parts.PARTS, "all"])


def test_the_report_has_the_slowest_first_and_how_to_repeat_what_failed() -> None:
    results = [
        parts.Result("lint", passed=True, seconds=61),
        parts.Result("http", passed=False, seconds=600),
    ]
    assert parts.report(results).splitlines()[1:] == [
        " 10:00  http  FAILED",
        "  1:01  lint",
        " 11:01  in all",
        "Failed: http. Repeat it with: bin/test http",
    ]


def test_it_goes_on_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    def part(name: str, *, passes: bool) -> parts.Part:
        def note() -> bool:
            ran.append(name)
            return passes

        return parts.Part(name, note, needs_root=False)

    two = {"lint": part("lint", passes=False), "unit": part("unit", passes=True)}
    monkeypatch.setattr(parts, "PARTS", two)
    monkeypatch.setattr(parts, "run", lambda *command: True)
    assert parts.main(["lint", "unit"]) == 1
    assert ran == ["lint", "unit"]
    assert "Repeat it with: bin/test lint" in capsys.readouterr().out
