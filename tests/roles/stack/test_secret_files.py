"""Secrets are made once, private, and healed without being replaced."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import secret_files
from ansible.module_utils.stack_secrets import SecretError, Secrets

UID = os.getuid()
FILES: list[dict[str, Any]] = [
    {"name": "password", "uid": UID, "initial": None, "change": "rotate it"},
    {"name": "user", "uid": UID, "initial": "django_blue", "change": ""},
    {"name": "keys", "uid": UID, "initial": "", "change": ""},
]
GIVEN = "given-given-given-given"

pytestmark = pytest.mark.skipif(os.getgid() != UID, reason="a file's group is its owner's number")


def keep(folder: Path, given: dict[str, Any] | None = None, *, dry: bool = False) -> list[str]:
    return secret_files.keep(folder, FILES, given or {}, dry=dry)


def test_they_are_made_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert keep(tmp_path) == ["password", "user", "keys"]
    first = (tmp_path / "password").read_bytes()

    assert keep(tmp_path) == []
    assert len(first) == 64
    assert (tmp_path / "password").read_bytes() == first
    assert (tmp_path / "user").read_text() == "django_blue"
    assert (tmp_path / "keys").read_text() == ""
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o400
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys", "password", "user"]


def test_a_dry_run_makes_none(tmp_path: Path) -> None:
    assert keep(tmp_path, dry=True) == ["password", "user", "keys"]
    assert list(tmp_path.iterdir()) == []


def test_what_others_can_read_is_closed_and_kept(tmp_path: Path) -> None:
    keep(tmp_path)
    first = (tmp_path / "password").read_bytes()
    (tmp_path / "password").chmod(0o444)

    assert keep(tmp_path, dry=True) == ["password"]
    assert keep(tmp_path) == ["password"]
    assert (tmp_path / "password").read_bytes() == first
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o400


def test_what_a_killed_run_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".password.partial").write_text("half of it")

    assert keep(tmp_path) == ["password", "user", "keys"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys", "password", "user"]
    assert len((tmp_path / "password").read_text()) == 64


def test_what_is_given_is_taken(tmp_path: Path) -> None:
    assert keep(tmp_path, {"password": GIVEN}) == ["password", "user", "keys"]
    assert (tmp_path / "password").read_text() == GIVEN
    assert keep(tmp_path, {"password": GIVEN}) == []


@pytest.mark.parametrize("dry", [True, False])
def test_another_value_than_the_one_in_use_is_refused(tmp_path: Path, dry: bool) -> None:
    keep(tmp_path)
    first = (tmp_path / "password").read_bytes()

    with pytest.raises(
        SecretError, match=r"the given password is not the one in use, .*: rotate it"
    ) as error:
        keep(tmp_path, {"password": GIVEN}, dry=dry)

    assert GIVEN not in str(error.value)
    assert (tmp_path / "password").read_bytes() == first


def test_what_a_rotation_is_about_to_use_is_accepted(tmp_path: Path) -> None:
    keep(tmp_path)
    Secrets(tmp_path).begin({"password": GIVEN})

    assert keep(tmp_path, {"password": GIVEN}) == []


@pytest.mark.parametrize(
    "value",
    [
        "too-short",
        "with a space in it",
        "caf\u00e9-caf\u00e9-caf\u00e9-caf\u00e9",
        "two-lines-two-lines\n",
        1234567890123456,
    ],
)
def test_a_value_that_is_none_is_refused_and_not_shown(tmp_path: Path, value: object) -> None:
    with pytest.raises(SecretError, match="the given password can't be used") as error:
        keep(tmp_path, {"password": value})

    assert str(value) not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["pasword", "user"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SecretError, match=f"there is no secret {name}: choose from password"):
        keep(tmp_path, {name: GIVEN})
