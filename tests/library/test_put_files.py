"""Files that belong together are put in place in one step, or none of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import put_files
import pytest
from ansible.module_utils.testing import patch_module_args
from documented import assert_as_documented

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


def test_a_difference_is_shown_with_the_name_of_the_file(run: Any, tmp_path: Path) -> None:
    run()
    program = tmp_path / "sbin/program"
    program.write_bytes(b"caf\xe9\n")

    assert run()["diff"] == [
        {
            "before_header": str(program),
            "after_header": str(program),
            "before": "caf\ufffd\n",
            "after": "good\n",
        }
    ]


def test_folders_that_are_missing_are_open_for_all_to_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = {"files": [{"path": str(tmp_path / "a/b/c"), "content": ""}], "pending": str(tmp_path / "pending")}
    before = os.umask(0)
    try:
        with patch_module_args(args), pytest.raises(SystemExit):
            put_files.main()
    finally:
        os.umask(before)

    assert json.loads(capsys.readouterr().out)["changed"]
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.getuid() != 0, reason="a file is given away by root alone")
def test_one_that_is_somebody_elses_becomes_roots(run: Any, tmp_path: Path) -> None:
    run()
    for owner in ((10001, 0), (0, 10001)):
        os.chown(tmp_path / "unit", *owner)
        assert run()["changed"]
        status = (tmp_path / "unit").stat()
        assert (status.st_uid, status.st_gid) == (0, 0)


def test_one_that_is_wrong_leaves_all_as_they_were(run: Any, tmp_path: Path) -> None:
    result = run("bad\n")

    assert result["failed"]
    assert result["msg"].startswith(f"{tmp_path}/sbin/program would be wrong: ")
    assert found(tmp_path) == {}


@pytest.mark.parametrize(
    ("validate", "said"), [("ls %s /nowhere", "ls: cannot access '/nowhere'"), ("diff %s /dev/null", "1d0")]
)
def test_what_its_command_says_against_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], validate: str, said: str
) -> None:
    file = {"path": str(tmp_path / "file"), "content": "x", "validate": validate}
    with (
        patch_module_args({"files": [file], "pending": str(tmp_path / "pending")}),
        pytest.raises(SystemExit),
    ):
        put_files.main()

    message = json.loads(capsys.readouterr().out)["msg"]
    assert message.startswith(f"{tmp_path}/file would be wrong: {said}")
    assert message == message.rstrip("\n")


def test_all_that_are_wrong_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [{"path": str(tmp_path / name), "content": "", "validate": "ls %s/nowhere"} for name in "ab"]
    with patch_module_args({"files": files, "pending": str(tmp_path / "pending")}), pytest.raises(SystemExit):
        put_files.main()

    assert json.loads(capsys.readouterr().out)["msg"].count("would be wrong: ") == 2


def test_a_place_that_takes_no_file_is_named(run: Any, tmp_path: Path) -> None:
    (tmp_path / "sbin").write_text("in the way")

    result = run()

    assert result["failed"]
    assert f"{tmp_path}/sbin" in result["msg"]


# Answers from what it is told to be true, and notes what it was asked to do.
SYSTEMCTL = """#!/bin/bash
if [ "$1" = --quiet ]; then shift; fi
case $1 in
is-*) grep --quiet --line-regexp "$*" {folder}/true ;;
*) echo "$*" >> {folder}/done; ! grep --quiet --line-regexp "$*" {folder}/broken ;;
esac
"""


class Host:
    """A host whose systemd and whose `load` command are stand-ins."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.say("true", "broken", "done")
        for name, program in {"systemctl": SYSTEMCTL, "journalctl": "#!/bin/sh\necho last words\n"}.items():
            path = folder / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(program.replace("{folder}", str(folder)))
            path.chmod(0o755)

    def say(self, *names: str, lines: tuple[str, ...] = ()) -> None:
        for name in names:
            (self.folder / name).write_text("".join(f"{line}\n" for line in lines))

    def runs(self, *units: str) -> None:
        """Have units enabled and active, and no other."""
        self.say(
            "true", lines=tuple(f"{verb} {unit}" for unit in units for verb in ("is-enabled", "is-active"))
        )

    def done(self) -> list[str]:
        return (self.folder / "done").read_text().splitlines()

    def put(self, *, check: bool = False, load: str = "") -> Any:
        """Put one file in place, which `shown` of the folder loads and two units use."""
        args = {
            "files": [{"path": str(self.folder / "file"), "content": "new"}],
            "pending": str(self.folder / "pending"),
            "load": [load or f"cp {self.folder}/file {self.folder}/loaded"],
            "units": [{"name": "required", "restart": False}, {"name": "own"}],
            "_ansible_check_mode": check,
        }
        with patch_module_args(args), pytest.raises(SystemExit):
            put_files.main()
        return json.loads(self.capsys.readouterr().out)


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    return Host(tmp_path, capsys)


def test_new_files_are_loaded_and_units_restarted_that_may_be(host: Host) -> None:
    host.runs("required", "own")

    result = host.put()

    assert (host.folder / "loaded").read_text() == "new"
    assert host.done() == ["daemon-reload", "enable required", "start required", "enable own", "restart own"]
    assert (result["changed"], result["pending"]) == (True, True)
    assert not (host.folder / "pending").exists()


def test_a_second_call_changes_nothing_but_loads_again_what_somebody_may_have_flushed(host: Host) -> None:
    host.runs("required", "own")
    host.put()
    host.say("done")
    (host.folder / "loaded").unlink()

    result = host.put()

    assert (host.folder / "loaded").read_text() == "new"
    assert host.done() == []
    assert (result["changed"], result["pending"]) == (False, False)


def test_a_run_that_was_killed_between_writing_and_use_is_finished(host: Host) -> None:
    host.runs("required", "own")
    host.put()
    (host.folder / "pending").touch()
    host.say("done")

    result = host.put()

    assert host.done() == ["daemon-reload", "enable required", "start required", "enable own", "restart own"]
    assert (result["changed"], result["pending"]) == (False, True)
    assert not (host.folder / "pending").exists()


@pytest.mark.parametrize("true", ["is-enabled own", "is-active own"])
def test_a_unit_that_somebody_stopped_or_disabled_is_started_alone(host: Host, true: str) -> None:
    host.runs("required", "own")
    host.put()
    host.say("done")
    host.say("true", lines=("is-enabled required", "is-active required", true))

    assert host.put(check=True)["changed"]
    assert host.done() == []
    assert host.put()["changed"]
    assert host.done() == ["enable own", "start own"]


def test_check_mode_does_not_look_at_units_that_are_still_to_be_written(host: Host) -> None:
    result = host.put(check=True)

    assert result["changed"]
    assert not (host.folder / "loaded").exists()
    assert host.done() == []


def test_a_unit_that_does_not_start_is_told_with_its_journal_and_tried_again(host: Host) -> None:
    host.runs("required")
    host.say("broken", lines=("restart own",))

    result = host.put()

    assert result["failed"]
    assert "own can't be started" in result["msg"]
    assert "last words" in result["msg"]
    assert (host.folder / "pending").exists()
    host.say("broken", "done")
    host.put()
    assert host.done()[-1] == "restart own"


def test_a_command_that_fails_is_told_and_tried_again(host: Host) -> None:
    result = host.put(load=f"ls {host.folder}/nowhere")

    assert result["failed"]
    assert "nowhere' failed; correct what it says and rerun" in result["msg"]
    assert (host.folder / "pending").exists()
    assert host.done() == []


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(put_files)
