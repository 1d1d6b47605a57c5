"""Docker is asked by its command line, and what it says reaches the user."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from ansible.module_utils.engine import EngineError, EngineTimeoutError, docker, follow, has_engine, run


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let tests write what is called docker."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    path = tmp_path / "docker"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_command_gets_its_input_and_environment(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "ours")
    program.write_text('#!/bin/sh\necho "$@" "$OURS" "$API_ADDRESS"; cat; echo warning >&2\n')
    assert docker("compose", "up", text="file\n", API_ADDRESS="blue") == "compose up ours blue\nfile\n"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo out; echo wrong >&2; exit 1", "wrong"),
        ("echo out; exit 7", "out"),
        ("seq 20 >&2; exit 1", "\n".join(map(str, range(6, 21)))),
    ],
)
def test_a_command_that_fails_is_named_with_its_last_lines(program: Path, script: str, said: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(EngineError) as caught:
        docker("compose", "--file", "x", "up", "--detach", "--no-deps", "api")
    assert str(caught.value) == f"docker compose --file x up --detach --no-deps … failed:\n{said}"


def test_a_program_may_end_as_it_likes(program: Path) -> None:
    program.write_text("#!/bin/sh\necho out; exit 3\n")
    result = run(str(program))
    assert (result.returncode, result.stdout) == (3, "out\n")


def test_a_command_that_hangs_is_ended_and_named(program: Path) -> None:
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(EngineError, match=r"^docker exec abc … has not ended after 0 s: look into"):
        docker("exec", "abc", limit=0.1)


def test_a_long_command_is_heard_while_it_runs(program: Path) -> None:
    program.write_text('#!/bin/sh\necho "$@" "$OURS"; printf Applying >&2; read -r _ || echo " OK"\n')
    heard: list[str] = []
    follow("compose", "run", limit=60, heard=heard.append, OURS="ours")
    assert heard[-1] == "compose run ours\nApplying OK\n"
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(heard))


def test_a_long_command_is_heard_before_its_line_ends(program: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    program.write_text(f"#!/bin/sh\nprintf Applying; until [ -e {go} ]; do sleep 0.01; done\n")
    follow("run", limit=60, heard=lambda said: go.touch() if said == "Applying" else None)
    assert go.exists()


def test_a_long_command_that_fails_is_named_with_its_last_lines(program: Path) -> None:
    program.write_text("#!/bin/sh\necho out; seq 15 >&2; exit 1\n")
    with pytest.raises(EngineError) as caught:
        follow("compose", "run", limit=60, heard=lambda _: None)
    assert str(caught.value) == "\n".join(["docker compose run … failed:", *map(str, range(1, 16))])


def test_a_long_command_that_takes_too_long_is_ended(program: Path, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program.write_text(f"#!/bin/sh\necho $$ > {pid}; echo begun; exec sleep 60\n")
    heard: list[str] = []
    with pytest.raises(EngineTimeoutError, match=r"^docker compose run … has not ended after 1 s$"):
        follow("compose", "run", limit=1, heard=heard.append)
    assert heard == ["begun\n"]
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_a_long_command_does_not_outlive_an_error_of_who_hears(program: Path, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program.write_text(f"#!/bin/sh\necho $$ > {pid}; echo begun; exec sleep 60\n")

    def fail(_said: str) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        follow("compose", "run", limit=60, heard=fail)
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_an_engine_is_one_that_answers(program: Path) -> None:
    program.write_text('#!/bin/sh\n[ "$*" = version ]\n')
    assert has_engine()
    program.write_text("#!/bin/sh\nexit 1\n")
    assert not has_engine()


def test_no_engine_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not has_engine()
