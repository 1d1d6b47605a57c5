"""A break is noticed if a test fails or hangs, and which tests are asked is known."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from poodle.data_types import MutantTrialResult

from mutations import __main__ as mutations
from mutations import runner


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("answer = 42", MutantTrialResult.RC_NOT_FOUND, id="no break"),
        pytest.param("answer = 41", MutantTrialResult.RC_FOUND, id="a test fails"),
        pytest.param("answer = None + 1", MutantTrialResult.RC_FOUND, id="it can't be loaded"),
        pytest.param("while True: pass", MutantTrialResult.RC_TIMEOUT, id="a test hangs"),
        pytest.param("answer =", MutantTrialResult.RC_INCOMPLETE, id="no program"),
    ],
)
def test_the_tests_of_a_break_are_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, code: str
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    (tmp_path / "broken.py").write_text(f"{text}\n")
    (tmp_path / "test_broken.py").write_text("import broken\ndef test(): assert broken.answer == 42\n")
    monkeypatch.setenv(runner.CHOSEN, "test_broken.py")
    mutant: Any = SimpleNamespace(source_file=Path("broken.py"))
    hangs = code == MutantTrialResult.RC_TIMEOUT

    assert runner.run(tmp_path, mutant, timeout=1 if hangs else 60).reason_code == code


def test_what_the_tests_of_a_break_leave_behind_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test_broken.py").write_text(
        "import os\ndef test(): os.system('cat fifo >/dev/null 2>&1 & echo $! > pid')\n"
    )
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setenv(runner.CHOSEN, "test_broken.py")
    mutant: Any = SimpleNamespace(source_file=None)

    assert not runner.run(tmp_path, mutant, timeout=60).found
    status = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    assert not status.exists() or ") Z " in status.read_text()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("library/put_files.py", "put_files"),
        ("roles/watchdog/files/watchdog.py", "watchdog"),
        ("module_utils/files.py", "ansible.module_utils.files"),
        ("roles/stack/module_utils/stack/plan.py", "ansible.module_utils.stack.plan"),
    ],
)
def test_a_module_is_known_by_what_tests_import(module: str, name: str) -> None:
    assert Path(module) in mutations.modules()
    assert mutations.name_of(Path(module)) == name


@pytest.mark.parametrize(
    "line", ["import one.two", "from one.two import three", "from one import (\n    two,\n    four,\n)"]
)
def test_all_ways_to_import_are_seen(tmp_path: Path, line: str) -> None:
    (tmp_path / "test_it.py").write_text(f"def test_it():\n    import other\n{line}\n")
    assert {"one.two", "other"} <= mutations.imported_by(tmp_path / "test_it.py")


def test_a_module_is_tested_by_what_imports_it_or_is_named_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutations, "REPOSITORY", tmp_path)
    monkeypatch.setattr(mutations, "TESTS", tmp_path / "tests")
    texts = {
        "roles/stack/test_plan.py": "",
        "roles/stack/test_other.py": "from ansible.module_utils.stack import plan",
        "roles/stack/test_third.py": "import plan",
        "roles/watchdog/test_plan.py": "",
    }
    for name, text in texts.items():
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    assert mutations.tests_of(Path("roles/stack/module_utils/stack/plan.py")) == [
        "tests/roles/stack/test_other.py",
        "tests/roles/stack/test_plan.py",
    ]


TOO_FEW = "Fewer than nine of ten breaks were noticed of library/put_files.py."


@pytest.mark.parametrize(("missed", "said"), [(1, ""), (2, TOO_FEW)])
def test_fewer_than_nine_of_ten_are_too_few(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missed: int,
    said: str,
) -> None:
    codes = [MutantTrialResult.RC_NOT_FOUND] * missed + [MutantTrialResult.RC_FOUND] * (9 - missed)
    codes += [MutantTrialResult.RC_TIMEOUT, MutantTrialResult.RC_INCOMPLETE]

    def poodle(*_: object, **__: object) -> SimpleNamespace:
        trials = [{"result": {"reason_code": code}, "mutant": {"unified_diff": "-a\n+b"}} for code in codes]
        mutations.REPORT.write_text(json.dumps({"mutant_trials": trials}))
        return SimpleNamespace(returncode=0, stdout="")

    monkeypatch.setattr(mutations, "REPORT", tmp_path / "report.json")
    monkeypatch.setattr(subprocess, "run", poodle)

    assert mutations.main(["library/put_files.py"]) == said
    diffs, table = capsys.readouterr().out.split("breaks  noticed   share  module\n")
    assert diffs.count("-a\n+b\n") == missed
    assert table.split() == ["10", str(10 - missed), f"{10 - missed}0.0%", "library/put_files.py"]


def test_a_module_without_a_test_has_no_break_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutations, "tests_of", lambda _module: [])
    assert mutations.main(["library/put_files.py"]) == TOO_FEW


def test_a_module_without_a_function_decides_nothing() -> None:
    assert Path("roles/stack/module_utils/stack/errors.py") not in mutations.modules()


def test_a_name_that_is_no_module_is_told() -> None:
    first, *known = mutations.main(["library/put_file.py"]).splitlines()
    assert first == "No module is called library/put_file.py. There are:"
    assert "library/put_files.py" in known
