"""Docker is asked by its command line, and what it says reaches the user."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.engine import EngineError, docker, has_engine, run


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


def test_an_engine_is_one_that_answers(program: Path) -> None:
    program.write_text('#!/bin/sh\n[ "$*" = version ]\n')
    assert has_engine()
    program.write_text("#!/bin/sh\nexit 1\n")
    assert not has_engine()


def test_no_engine_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not has_engine()
