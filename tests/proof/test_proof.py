"""bin/test: which parts it runs, and what it says at the end."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pytest
from runs import REPOSITORY

from proof import __main__ as proof
from proof import parts

Run = Callable[[TextIO | None], bool]


def test_without_a_name_it_runs_what_somebody_new_can_wait_for() -> None:
    assert proof.chosen([]) == ["lint", "unit", "app", "quick"]


def test_all_leaves_out_what_the_others_have() -> None:
    assert set(parts.PARTS) - set(proof.chosen(["all"])) == {"quick"}


def test_each_part_runs_once_and_in_its_order() -> None:
    assert proof.chosen(["default", "lint", "default"]) == ["lint", "default"]
    assert proof.chosen(["all", "quick"]) == list(parts.PARTS)


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
        proof.Result("lint", passed=True, seconds=61),
        proof.Result("http", passed=False, seconds=600),
    ]
    assert proof.report(results, seconds=605).splitlines()[1:] == [
        " 10:00  http  FAILED",
        "  1:01  lint",
        " 10:05  in all",
        "Failed: http. Repeat it with: bin/test http",
    ]


@pytest.fixture
def prove(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Runs these parts instead of ours; returns the exit code."""

    def prove(runs: dict[str, Run]) -> int:
        stand_ins = {name: parts.Part(name, run, needs_root=False) for name, run in runs.items()}
        monkeypatch.setattr(proof, "PARTS", stand_ins)
        monkeypatch.setattr(proof, "REPOSITORY", tmp_path)
        monkeypatch.setattr(proof, "LOGS", tmp_path / ".cache/test")
        monkeypatch.setattr(proof, "run", lambda *command: True)
        return proof.main(list(runs))

    return prove


def test_it_goes_on_after_a_failure(prove: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[str] = []

    def failing(output: TextIO | None) -> bool:
        ran.append("lint")
        print("\x1b[31m│ E    it is wrong\x1b[0m", file=output)
        return False

    def passing(output: TextIO | None) -> bool:
        ran.append("unit")
        print("all is well", file=output)
        return True

    assert prove({"lint": failing, "unit": passing}) == 1
    assert ran == ["lint", "unit"]
    said = capsys.readouterr().out
    assert "Repeat it with: bin/test lint" in said
    # How it failed is at the end, where the output of long runs is looked at.
    assert said.index("unit passed") < said.index(
        "lint failed. The end of .cache/test/lint.log:\nE    it is wrong\n"
    )
    assert "all is well" not in said


def test_a_single_part_writes_to_the_screen(prove: Callable[..., int]) -> None:
    outputs: list[TextIO | None] = []

    def fails(output: TextIO | None) -> bool:
        outputs.append(output)
        return False

    assert prove({"lint": fails}) == 1
    assert outputs == [None]


def test_it_says_each_minute_what_is_done(
    prove: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(proof, "PROGRESS_SECONDS", 0.01)
    said = threading.Event()
    say = proof.Proof._say

    def heard(self: proof.Proof, line: str) -> None:
        say(self, line)
        if "  TASK [Start Docker]" in line:
            said.set()

    monkeypatch.setattr(proof.Proof, "_say", heard)

    def waits(output: TextIO | None) -> bool:
        print("│ TASK [Start Docker]\n│", file=output, flush=True)
        return said.wait(timeout=30)

    assert prove({"lint": lambda output: True, "host": waits}) == 0
