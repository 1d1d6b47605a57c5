from pathlib import Path

import pytest

from tests.programs import manage, only_line

REQUIRED = [
    "DJANGO_SECRET_KEY_FILE",
    "DJANGO_ALLOWED_HOSTS",
    "POSTGRES_HOST",
    "POSTGRES_PORT",
    "POSTGRES_DB",
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


def show(expression: str, **environment: str) -> str:
    result = manage(
        "shell",
        "--no-imports",
        "-c",
        f"from django.conf import settings; print({expression})",
        **environment,
    )
    assert result.returncode == 0, result.stderr
    return only_line(result.stdout)


def test_user_of_the_database_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "user").write_text("films_blue\n")

    user = show(
        "settings.DATABASES['default']['USER']",
        POSTGRES_USER="",
        POSTGRES_USER_FILE=str(tmp_path / "user"),
    )

    assert user == "films_blue"


def test_no_user_of_the_database() -> None:
    result = manage("check", POSTGRES_USER="")

    assert only_line(result.stderr).startswith("Error: POSTGRES_USER_FILE is not set: ")


@pytest.mark.parametrize(
    ("content", "keys"), [("", "[]"), ("newer\nolder\n", "['newer', 'older']"), (None, "[]")]
)
def test_keys_of_before(tmp_path: Path, content: str | None, keys: str) -> None:
    path = tmp_path / "keys"
    path.write_text(content or "")

    name = "" if content is None else str(path)
    assert show("settings.SECRET_KEY_FALLBACKS", DJANGO_SECRET_KEY_FALLBACKS_FILE=name) == keys


@pytest.mark.parametrize(("value", "debug"), [("1", "True"), ("0", "False"), ("", "False")])
def test_debug_takes_a_one(value: str, debug: str) -> None:
    result = manage("shell", "--no-imports", "-c", SHOW, DJANGO_DEBUG=value)

    assert result.stdout.split()[0] == debug


@pytest.mark.parametrize(("value", "number"), [("", "20"), ("0", "0"), ("7", "7")])
def test_numbers(value: str, number: str) -> None:
    assert show("settings.FAILED_LOGINS_PER_MINUTE", DJANGO_FAILED_LOGINS_PER_MINUTE=value) == number


@pytest.mark.parametrize("value", ["-1", "many", "1.5", "²"])
def test_what_is_no_number(value: str) -> None:
    result = manage("check", DJANGO_FAILED_LOGINS_PER_MINUTE=value)

    assert (
        only_line(result.stderr)
        == f"Error: DJANGO_FAILED_LOGINS_PER_MINUTE is '{value}': write a whole number from 0 to 1000000"
    )


@pytest.mark.parametrize(("value", "good"), [("1000000", True), ("1000001", False), ("0", False)])
def test_hours_that_end_at_a_date(value: str, good: bool) -> None:
    result = manage("check", DJANGO_TOKEN_HOURS=value)

    assert (result.returncode == 0) == good
    if not good:
        assert only_line(result.stderr).startswith(f"Error: DJANGO_TOKEN_HOURS is '{value}': write a whole ")


@pytest.mark.parametrize("name", ["DJANGO_DEBUG", "DJANGO_HTTPS"])
def test_what_is_neither_on_nor_off(name: str) -> None:
    for value in ("true", "yes", "on", "1 ", "2"):
        result = manage("check", **{name: value})

        assert only_line(result.stderr) == f"Error: {name} is '{value}': write 1 for on, 0 for off"
