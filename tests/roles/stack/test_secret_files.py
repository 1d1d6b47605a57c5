"""Secrets are made once, private, and healed without being replaced."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import secret_files
from ansible.module_utils.stack.secrets import SecretError, Secrets
from ansible.module_utils.testing import patch_module_args

UID = os.getuid()
TABLE: list[dict[str, Any]] = [
    {"name": "password", "uid": UID, "change": "rotate it"},
    {"name": "user", "uid": UID, "initial": "django_blue"},
    {"name": "keys", "uid": UID, "initial": ""},
]
GIVEN = "given-given-given-given"

pytestmark = pytest.mark.skipif(os.getgid() != UID, reason="a file's group is its owner's number")


def keep(folder: Path, given: dict[str, Any] | None = None, *, dry: bool = False) -> list[str]:
    return secret_files.keep(Secrets(folder, TABLE), given or {}, dry=dry)


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
    Secrets(tmp_path, TABLE).begin({"password": GIVEN})

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


def test_the_folder_is_made_with_those_above(tmp_path: Path) -> None:
    assert keep(tmp_path / "srv/secrets") == ["password", "user", "keys"]


@pytest.mark.parametrize("length", [15, 16])
def test_the_shortest_value_that_can_be_used(tmp_path: Path, length: int) -> None:
    if length < 16:
        with pytest.raises(SecretError, match="at least 16"):
            keep(tmp_path, {"password": length * "x"})
    else:
        assert "password" in keep(tmp_path, {"password": length * "x"})


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the module."""

    def run(*, check: bool = False, **changes: Any) -> Any:
        args = {"path": str(tmp_path / "secrets"), "secrets": TABLE} | changes
        with patch_module_args(args | {"_ansible_check_mode": check}), pytest.raises(SystemExit):
            secret_files.main()
        return json.loads(capsys.readouterr().out)

    return run


def test_the_module_names_what_it_made(tmp_path: Path, run: Any) -> None:
    would, did, again = run(check=True), run(), run()
    assert [(one["changed"], one["wrong_files"]) for one in (would, did, again)] == [
        (True, ["password", "user", "keys"]),
        (True, ["password", "user", "keys"]),
        (False, []),
    ]
    assert (tmp_path / "secrets/password").read_text() not in str(did)


@pytest.mark.parametrize("secrets", [None, [{"name": "password"}], [{"uid": 0}]])
def test_the_module_has_to_know_name_and_reader(run: Any, secrets: Any) -> None:
    assert run(secrets=secrets)["failed"]


def test_the_module_fails_in_one_line_that_has_no_secret(run: Any) -> None:
    result = run(given={"password": "too short"})
    assert result["failed"]
    assert "too short" not in result["msg"]


def test_the_module_names_a_file_in_the_way(tmp_path: Path, run: Any) -> None:
    (tmp_path / "secrets").write_text("")
    assert run()["msg"] == f"{tmp_path}/secrets can't be kept: File exists"
