"""Secrets are made once, private, and healed without being replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import secret_files

UID = os.getuid()
FILES: list[dict[str, str | int | None]] = [
    {"name": "password", "uid": UID, "copy_of": None},
    {"name": "copy", "uid": UID, "copy_of": "password"},
]

pytestmark = pytest.mark.skipif(os.getgid() != UID, reason="a file's group is its owner's number")


def test_they_are_made_once(tmp_path: Path) -> None:
    assert secret_files.keep(tmp_path, FILES, dry=False) == ["password", "copy"]
    first = (tmp_path / "password").read_bytes()

    assert secret_files.keep(tmp_path, FILES, dry=False) == []
    assert len(first) == 43
    assert (tmp_path / "password").read_bytes() == (tmp_path / "copy").read_bytes() == first
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o400
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "password"]


def test_a_dry_run_makes_none(tmp_path: Path) -> None:
    assert secret_files.keep(tmp_path, FILES, dry=True) == ["password", "copy"]
    assert list(tmp_path.iterdir()) == []


def test_what_others_can_read_is_closed_and_kept(tmp_path: Path) -> None:
    secret_files.keep(tmp_path, FILES, dry=False)
    first = (tmp_path / "password").read_bytes()
    (tmp_path / "password").chmod(0o444)

    assert secret_files.keep(tmp_path, FILES, dry=True) == ["password"]
    assert secret_files.keep(tmp_path, FILES, dry=False) == ["password"]
    assert (tmp_path / "password").read_bytes() == first
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o400


def test_a_copy_follows(tmp_path: Path) -> None:
    secret_files.keep(tmp_path, FILES, dry=False)
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "password").write_text("another")

    assert secret_files.keep(tmp_path, FILES, dry=False) == ["password", "copy"]
    assert (tmp_path / "copy").read_text() == "another"
