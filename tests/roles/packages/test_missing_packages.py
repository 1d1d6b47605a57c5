"""A program that runs is not installed again, whatever package it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import missing_packages
import pytest
from ansible.module_utils.testing import patch_module_args
from documented import assert_as_documented

PROGRAMS = {"nft --version": "nftables", "docker compose version": "docker-compose"}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs, first on PATH, in which dpkg knows of nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(missing_packages, "SYSTEM_PATH", "/nothing")
    put(folder, "dpkg-query", "exit 1")
    return folder


def put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def missing(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run the module and return what it has found."""
    with patch_module_args({"programs": PROGRAMS}), pytest.raises(SystemExit):
        missing_packages.main()
    return list(json.loads(capsys.readouterr().out)["names"])


def test_what_is_not_there_is_missing(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert missing(capsys) == ["nftables", "docker-compose"]


def test_what_does_what_it_is_asked_is_there(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(programs, "nft", '[ "$*" = --version ]')
    # A client without Compose.
    put(programs, "docker", 'echo "docker: compose is not a docker command" >&2; exit 1')
    assert missing(capsys) == ["docker-compose"]
    put(programs, "docker", '[ "$*" = "compose version" ]')
    assert missing(capsys) == []


def test_programs_of_the_system_are_found_by_a_user_who_became_root(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sbin").mkdir()
    put(tmp_path / "sbin", "nft", "")
    monkeypatch.setattr(missing_packages, "SYSTEM_PATH", str(tmp_path / "sbin"))
    assert missing(capsys) == ["docker-compose"]


@pytest.mark.parametrize(
    ("state", "half"),
    [
        ("installed", False),
        ("config-files", False),
        ("not-installed", False),
        ("unpacked", True),
        ("half-configured", True),
    ],
)
def test_what_dpkg_has_not_ended_is_missing(
    programs: Path, capsys: pytest.CaptureFixture[str], state: str, half: bool
) -> None:
    for program in ("nft", "docker"):
        put(programs, program, "")
    # It knows one of them, and fails for the other.
    put(programs, "dpkg-query", f"echo nftables {state}; exit 1")
    assert missing(capsys) == (["nftables"] if half else [])


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(missing_packages)
