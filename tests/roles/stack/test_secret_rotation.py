"""What a rotation replaces, and by what."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import secret_rotation
from ansible.module_utils.stack_secrets import SecretError, Secrets

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
    return Secrets(tmp_path)


def rotate(secrets: Secrets, *parts: str, **given: str) -> dict[str, str]:
    secret_rotation.begin(secrets.folder, list(parts), given, dry=False)
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
    secret_rotation.begin(secrets.folder, ["database"], {}, dry=False)
    before = secrets.rotation()

    assert secret_rotation.begin(secrets.folder, ["secret_key"], {}, dry=False) == (DATABASE, False)
    assert secrets.rotation() == before


def test_a_dry_run_begins_none(secrets: Secrets) -> None:
    assert secret_rotation.begin(secrets.folder, ["database"], {}, dry=True) == (DATABASE, True)
    assert secrets.rotation() == {}


def test_a_host_without_secrets(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="deploy first"):
        secret_rotation.begin(tmp_path, ["database"], {}, dry=False)


def test_a_secret_that_there_is_not(secrets: Secrets) -> None:
    with pytest.raises(SecretError, match="there is no secret django_pasword"):
        secret_rotation.begin(secrets.folder, ["database"], {"django_pasword": GIVEN}, dry=False)


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
    secret_rotation.begin(secrets.folder, ["secret_key"], {}, dry=False)
    assert secrets.are_in(mounts, root)
    secrets.finish()
    secret_rotation.begin(secrets.folder, ["database"], {}, dry=False)
    assert not secrets.are_in(mounts, root)
    secrets.settle()
    secrets.finish()
    assert not secrets.are_in(mounts, root)
