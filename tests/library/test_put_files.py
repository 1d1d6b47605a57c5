"""Files that belong together are put in place in one step, or none of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import put_files
import pytest
from ansible.module_utils.testing import patch_module_args

# Takes what contains "good" alone.
VALIDATE = "grep good %s"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the module with two files, a program and its unit."""

    def run(text: str = "good\n", *, check: bool = False) -> Any:
        files = [
            {"path": str(tmp_path / "sbin/program"), "content": text, "mode": "0755", "validate": VALIDATE},
            {"path": str(tmp_path / "unit"), "content": "[Unit]\n"},
        ]
        args = {"files": files, "pending": str(tmp_path / "pending"), "_ansible_check_mode": check}
        with patch_module_args(args), pytest.raises(SystemExit):
            put_files.main()
        return json.loads(capsys.readouterr().out)

    return run


def found(folder: Path) -> dict[str, tuple[str, int]]:
    """Return content and mode of all files in a folder."""
    return {
        str(path.relative_to(folder)): (path.read_text(), path.stat().st_mode & 0o777)
        for path in folder.rglob("*")
        if path.is_file()
    }


WHOLE = {"sbin/program": ("good\n", 0o755), "unit": ("[Unit]\n", 0o644)}


def test_they_are_put_in_place_and_pending_until_somebody_says_otherwise(run: Any, tmp_path: Path) -> None:
    result = run()

    assert found(tmp_path) == WHOLE | {"pending": ("", 0o644)}
    assert (result["changed"], result["pending"]) == (True, True)

    result = run()
    assert (result["changed"], result["pending"]) == (False, True)

    (tmp_path / "pending").unlink()
    result = run()
    assert (result["changed"], result["pending"], result["diff"]) == (False, False, [])


@pytest.mark.parametrize("spoil", [lambda path: path.chmod(0o700), lambda path: path.write_text("good")])
def test_what_somebody_changed_is_corrected(run: Any, tmp_path: Path, spoil: Any) -> None:
    run()
    (tmp_path / "pending").unlink()
    spoil(tmp_path / "sbin/program")

    assert run()["changed"]
    assert found(tmp_path) == WHOLE | {"pending": ("", 0o644)}


def test_check_mode_shows_what_would_change_and_changes_nothing(run: Any, tmp_path: Path) -> None:
    result = run(check=True)

    assert found(tmp_path) == {}
    assert (result["changed"], result["pending"]) == (True, True)
    assert [(one["before"], one["after"]) for one in result["diff"]] == [("", "good\n"), ("", "[Unit]\n")]


def test_one_that_is_wrong_leaves_all_as_they_were(run: Any, tmp_path: Path) -> None:
    result = run("bad\n")

    assert result["failed"]
    assert f"{tmp_path}/sbin/program would be wrong" in result["msg"]
    assert found(tmp_path) == {}


def test_a_place_that_takes_no_file_is_named(run: Any, tmp_path: Path) -> None:
    (tmp_path / "sbin").write_text("in the way")

    result = run()

    assert result["failed"]
    assert f"{tmp_path}/sbin" in result["msg"]
