from pathlib import Path

import pytest

from tests.programs import manage, only_line

REQUIRED = [
    "DJANGO_SECRET_KEY_FILE",
    "DJANGO_ALLOWED_HOSTS",
    "POSTGRES_HOST",
    "POSTGRES_PORT",
    "POSTGRES_DB",
    "POSTGRES_USER",
    "POSTGRES_PASSWORD_FILE",
]
SHOW = "from django.conf import settings; print(settings.DEBUG, settings.ALLOWED_HOSTS)"


def test_everything_set() -> None:
    result = manage("shell", "--no-imports", "-c", SHOW)

    assert result.returncode == 0
    assert only_line(result.stdout) == "False ['testserver', '127.0.0.1', 'localhost']"


@pytest.mark.parametrize("command", ["check", "wait_for_db", "migrate", "ensure_admin"])
def test_every_command_names_what_is_missing(command: str) -> None:
    result = manage(command, DJANGO_SECRET_KEY_FILE="")

    assert result.returncode == 1
    assert only_line(result.stderr).startswith("Error: DJANGO_SECRET_KEY_FILE is not set: ")


@pytest.mark.parametrize("name", REQUIRED)
def test_no_default_for(name: str) -> None:
    result = manage("check", **{name: ""})

    assert result.returncode == 1
    assert only_line(result.stderr).startswith(f"Error: {name} is not set: ")


def test_hosts_without_a_host() -> None:
    result = manage("check", DJANGO_ALLOWED_HOSTS=" , ")

    assert only_line(result.stderr).startswith("Error: DJANGO_ALLOWED_HOSTS names no host: ")


def test_secret_that_is_not_there(tmp_path: Path) -> None:
    result = manage("check", DJANGO_SECRET_KEY_FILE=str(tmp_path / "none"))

    assert result.returncode == 1
    assert only_line(result.stderr).startswith(
        f"Error: DJANGO_SECRET_KEY_FILE: cannot read {tmp_path / 'none'} "
    )


def test_empty_secret(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("\n")

    result = manage("check", POSTGRES_PASSWORD_FILE=str(secret))

    assert (
        only_line(result.stderr)
        == f"Error: POSTGRES_PASSWORD_FILE: {secret} is empty: write the secret into it"
    )


@pytest.mark.parametrize(("value", "debug"), [("1", "True"), ("0", "False"), ("", "False")])
def test_debug_takes_a_one(value: str, debug: str) -> None:
    result = manage("shell", "--no-imports", "-c", SHOW, DJANGO_DEBUG=value)

    assert result.stdout.split()[0] == debug
