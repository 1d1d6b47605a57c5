"""What a rotation replaces, and by what."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import secret_rotation
from ansible.module_utils.stack.secrets import SecretError, Secrets
from ansible.module_utils.testing import patch_module_args
from stand_in import TABLE

NAMES = ("postgres_password", "django_owner_password", "django_backup_password", "django_app_password")
DATABASE = sorted([*NAMES, "django_app_user"])
GIVEN = "given-given-given-given"

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="secrets are root's")


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    for name in (*NAMES, "django_secret_key"):
        (tmp_path / name).write_text(f"old-{name}")
    (tmp_path / "django_app_user").write_text("django_blue")
    (tmp_path / "django_secret_key_fallbacks").write_text("")
    return Secrets(tmp_path, TABLE)


def rotate(secrets: Secrets, *parts: str, **given: str) -> dict[str, str]:
    secret_rotation.begin(secrets, list(parts), given, dry=False)
    values: dict[str, str] = secrets.rotation()
    secrets.settle()
    secrets.finish()
    return values


def test_all_passwords_and_the_other_login(secrets: Secrets) -> None:
    values = rotate(secrets, "database")

    assert sorted(values) == DATABASE
    assert values["django_app_user"] == "django_green"
    assert len({values[name] for name in NAMES}) == len(NAMES)
    assert {name: secrets.file(name) for name in values} == values
    assert rotate(secrets, "database")["django_app_user"] == "django_blue"


def test_former_keys_stay_good_until_they_are_dropped(secrets: Secrets) -> None:
    first = rotate(secrets, "secret_key")["django_secret_key"]
    values = rotate(secrets, "secret_key")

    assert values["django_secret_key_fallbacks"] == f"{first}\nold-django_secret_key"
    assert rotate(secrets, "former_keys") == {"django_secret_key_fallbacks": ""}
    assert secrets.file("django_secret_key") == values["django_secret_key"]
    assert rotate(secrets, "former_keys") == {}


def test_a_new_key_instead_of_all_former_ones(secrets: Secrets) -> None:
    first = rotate(secrets, "secret_key")["django_secret_key"]
    assert rotate(secrets, "secret_key", "former_keys")["django_secret_key_fallbacks"] == first


def test_what_is_given_is_taken(secrets: Secrets) -> None:
    values = rotate(secrets, "database", "secret_key", django_owner_password=GIVEN, django_secret_key=GIVEN)
    assert (values["django_owner_password"], values["django_secret_key"]) == (GIVEN, GIVEN)


def test_what_is_given_and_in_use_stays(secrets: Secrets) -> None:
    given = dict.fromkeys((*NAMES, "django_secret_key"), GIVEN)
    rotate(secrets, "database", "secret_key", **given)
    assert rotate(secrets, "database", "secret_key", **given) == {}


def test_a_rotation_that_has_begun_is_not_begun_again(secrets: Secrets) -> None:
    secret_rotation.begin(secrets, ["database"], {}, dry=False)
    before = secrets.rotation()

    assert secret_rotation.begin(secrets, ["secret_key"], {}, dry=False) == (DATABASE, False)
    assert secrets.rotation() == before


def test_a_dry_run_begins_none(secrets: Secrets) -> None:
    assert secret_rotation.begin(secrets, ["database"], {}, dry=True) == (DATABASE, True)
    assert secrets.rotation() == {}


def test_a_host_without_secrets(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="deploy first"):
        secret_rotation.begin(Secrets(tmp_path, TABLE), ["database"], {}, dry=False)


def test_a_secret_that_there_is_not(secrets: Secrets) -> None:
    with pytest.raises(SecretError, match="there is no secret django_pasword"):
        secret_rotation.begin(secrets, ["database"], {"django_pasword": GIVEN}, dry=False)


def test_files_keep_their_readers(secrets: Secrets) -> None:
    path = secrets.folder / "django_app_password"
    os.chown(path, 10001, 10001)

    rotate(secrets, "database")

    status = path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (10001, 10001, 0o400)


def test_a_container_is_known_by_what_it_was_started_with(secrets: Secrets, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "run/secrets").mkdir(parents=True)
    mounts = {"/data": "/var/lib/volume"}
    for name in NAMES:
        mounts[f"/run/secrets/{name}"] = str(secrets.folder / name)
        (root / "run/secrets" / name).write_text(secrets.file(name))

    assert secrets.are_in(mounts, root)
    secret_rotation.begin(secrets, ["secret_key"], {}, dry=False)
    assert secrets.are_in(mounts, root)
    secrets.finish()
    secret_rotation.begin(secrets, ["database"], {}, dry=False)
    assert not secrets.are_in(mounts, root)
    secrets.settle()
    secrets.finish()
    assert not secrets.are_in(mounts, root)


def test_a_part_alone_is_replaced(secrets: Secrets) -> None:
    before = secrets.file("django_secret_key_fallbacks")
    assert sorted(rotate(secrets, "secret_key")) == ["django_secret_key", "django_secret_key_fallbacks"]
    assert "django_secret_key" not in rotate(secrets, "database")
    assert secrets.file("django_secret_key_fallbacks") != before


def test_secrets_of_which_one_is_missing(secrets: Secrets) -> None:
    (secrets.folder / "django_owner_password").unlink()
    with pytest.raises(
        SecretError, match=f"there are no secrets in {secrets.folder} to replace: deploy first"
    ):
        secret_rotation.begin(secrets, ["secret_key"], {}, dry=False)
    assert secrets.rotation() == {}


def test_a_secret_of_a_users_own_can_be_given_but_is_not_replaced(secrets: Secrets) -> None:
    given = {"django_admin_password": GIVEN}
    names, changed = secret_rotation.begin(secrets, ["database", "secret_key"], given, dry=False)
    assert changed
    assert "django_admin_password" not in names
    secrets.finish()
    with pytest.raises(SecretError, match="there is no secret django_app_user"):
        secret_rotation.begin(secrets, ["database"], {"django_app_user": GIVEN}, dry=False)


def test_a_given_value_that_is_too_short_is_refused(secrets: Secrets) -> None:
    with pytest.raises(SecretError, match="can't be used"):
        secret_rotation.begin(secrets, ["database"], {"django_app_password": "short"}, dry=False)


def test_new_values_are_noted_for_root_alone(secrets: Secrets) -> None:
    secret_rotation.begin(secrets, ["database"], {}, dry=False)
    assert secrets.rotation_file.name == ".rotation"
    status = secrets.rotation_file.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (0, 0, 0o400)


def test_a_power_cut_does_not_bring_a_rotation_back(
    secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_rotation.begin(secrets, ["database"], {}, dry=False)
    synced: list[Path] = []
    monkeypatch.setattr("ansible.module_utils.stack.secrets.sync", synced.append)
    secrets.finish()
    assert synced == [secrets.folder]


def test_a_file_that_has_its_value_already_is_left_alone(secrets: Secrets) -> None:
    secrets.begin({"django_secret_key": "old-django_secret_key", "django_app_password": "new"})
    before = (secrets.folder / "django_secret_key").stat().st_ino
    secrets.settle()
    assert (secrets.folder / "django_secret_key").stat().st_ino == before
    assert secrets.file("django_app_password") == "new"


@pytest.fixture
def run(secrets: Secrets, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the module."""

    def run(*, check: bool = False, **changes: Any) -> Any:
        args = {"path": str(secrets.folder), "parts": ["database"], "secrets": TABLE} | changes
        with patch_module_args(args | {"_ansible_check_mode": check}), pytest.raises(SystemExit):
            secret_rotation.main()
        return json.loads(capsys.readouterr().out)

    return run


def test_the_module_says_what_is_replaced_and_never_by_what(secrets: Secrets, run: Any) -> None:
    would = run(check=True)
    assert (would["changed"], would["names"], secrets.rotation()) == (True, DATABASE, {})

    did = run()
    assert (did["changed"], did["names"]) == (True, DATABASE)
    assert not [value for value in secrets.rotation().values() if value in str(did["names"])]
    assert not run()["changed"]


@pytest.mark.parametrize("changes", [{"given": {"a": "b"}}, {"parts": ["all"]}])
def test_the_module_fails_in_one_line(run: Any, changes: dict[str, Any]) -> None:
    result = run(**changes)
    assert result["failed"]
    assert "\n" not in result["msg"]
