"""Who the database knows, and by which proof."""

from __future__ import annotations

import base64
import hmac
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import stack_database
from ansible.module_utils.stack_database import (
    LAYOUT,
    MADE_BY,
    NOBODY,
    PASSWORDS,
    Database,
    fits,
    verifier,
)
from ansible.module_utils.stack_docker import Container, RolloutError
from ansible.module_utils.stack_secrets import Secrets

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
# The exchange that RFC 7677 has as its example, with the password "pencil".
NONCE = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
EXCHANGE = f"n=user,r={NONCE[:20]},r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={NONCE}"
SIGNATURE = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

CONTAINER = Container("1", "django-db-1", "db", "", "", running=True, restarts=0, pid=1)


def test_a_verifier_is_what_the_standard_says() -> None:
    server_key = base64.b64decode(verifier("pencil", SALT).rpartition(":")[2])
    signature = hmac.digest(server_key, EXCHANGE.encode(), "sha256")
    assert base64.b64encode(signature).decode() == SIGNATURE


def test_a_verifier_is_what_postgresql_keeps() -> None:
    assert verifier("pencil", SALT) == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
        ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (verifier("pencil", SALT), True),
        (verifier("pencil", b"other", 5000), True),
        (verifier("Pencil", SALT), False),
        ("", False),
        ("md5a6d0a7c1f1f4a0f1b5d3c2e1f0a9b8c7", False),
    ],
)
def test_a_password_fits_its_own_verifier(kept: str, expected: bool) -> None:
    assert fits("pencil", kept) == expected


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    for name in (*PASSWORDS.values(), "django_app_password"):
        (tmp_path / name).write_text(f"the {name}")
    (tmp_path / "django_app_user").write_text("django_blue")
    return Secrets(tmp_path)


def roles(secrets: Secrets) -> dict[str, dict[str, Any]]:
    """Return what a database has that lacks nothing."""
    good = {
        role: {"login": True, "verifier": verifier(secrets.file(name), SALT)}
        for role, name in PASSWORDS.items()
    }
    good["django_blue"] = {"login": True, "verifier": verifier(secrets.file("django_app_password"), SALT)}
    return {"django_app": NOBODY, "django_green": NOBODY} | good


class Answers(Database):  # type: ignore[misc] # ansible ships no types
    """A database that has its layout, but for the conditions named."""

    def __init__(self, secrets: Secrets, *lacks: int) -> None:
        super().__init__(CONTAINER, secrets)
        self.lacks = lacks

    def ask(self, sql: str) -> str:
        return "\n".join("f" if number in self.lacks else "t" for number in range(len(LAYOUT)))


def test_nothing_is_missing(secrets: Secrets) -> None:
    assert Answers(secrets).missing(roles(secrets)) == []


def test_an_empty_database_gets_everything(secrets: Secrets) -> None:
    statements = Answers(secrets).missing({"postgres": NOBODY})

    assert statements[: len(MADE_BY)] == list(MADE_BY.values())
    assert statements[len(MADE_BY) : len(MADE_BY) + len(LAYOUT)] == [sql for _, sql in LAYOUT]
    changed = [sql.split()[2] for sql in statements if sql.startswith("ALTER ROLE")]
    assert changed == ["postgres", "django_owner", "django_backup", "django_blue"]
    assert not [sql for sql in statements if "the django" in sql or "the postgres" in sql]


def test_a_privilege_that_went_is_given_again(secrets: Secrets) -> None:
    assert Answers(secrets, 1).missing(roles(secrets)) == [LAYOUT[1][1]]


def test_another_password_is_told(secrets: Secrets) -> None:
    found = roles(secrets)
    found["django_backup"] = {"login": True, "verifier": verifier("other", SALT)}
    found["django_owner"]["login"] = False

    statements = Answers(secrets).missing(found)

    assert [sql.rpartition(" ")[0] for sql in statements] == [
        "ALTER ROLE django_owner LOGIN PASSWORD",
        "ALTER ROLE django_backup LOGIN PASSWORD",
    ]
    assert fits("the django_backup_password", statements[1].split("'")[1])


def test_a_rotation_concerns_the_other_login(secrets: Secrets) -> None:
    found = roles(secrets)
    secrets.begin({"django_app_user": "django_green", "django_app_password": "new"})

    [statement] = Answers(secrets).missing(found)

    assert statement.startswith("ALTER ROLE django_green LOGIN ")
    assert fits("new", statement.split("'")[1])
    assert Answers(secrets).former_login(found) == "django_blue"


def test_no_former_login(secrets: Secrets) -> None:
    assert Answers(secrets).former_login(roles(secrets)) == ""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have PostgreSQL take the password "new" alone; return those that it was asked with."""
    found = []

    def docker(*args: str, text: str) -> str:
        assert "new" not in args
        found.append(text.split("\n")[0])
        if found[-1] != "new":
            raise RolloutError("FATAL: password authentication failed for user postgres")
        return "answer"

    monkeypatch.setattr(stack_database, "docker", docker)
    return found


def test_the_password_may_have_been_changed_by_a_run_that_was_killed(
    secrets: Secrets, asked: list[str]
) -> None:
    secrets.begin({"postgres_password": "new"})

    assert Database(CONTAINER, secrets).run("SELECT 1") == "answer"
    assert asked == ["the postgres_password", "new"]


def test_a_password_that_nothing_knows(secrets: Secrets, asked: list[str]) -> None:
    with pytest.raises(RolloutError, match="password authentication failed"):
        Database(CONTAINER, secrets).run("SELECT 1")
    assert asked == ["the postgres_password"]


@pytest.mark.parametrize(
    ("outputs", "rows"),
    [
        pytest.param(["1\n2\nend-of-rows\n"], "1\n2\n", id="whole"),
        pytest.param(["end-of-rows\n"], "", id="no rows"),
        pytest.param(["", "1\n", "1\n2\nend-of-rows\n"], "1\n2\n", id="lost, cut off, whole"),
    ],
)
def test_an_answer_is_whole(
    secrets: Secrets, monkeypatch: pytest.MonkeyPatch, outputs: list[str], rows: str
) -> None:
    left = iter(outputs)
    monkeypatch.setattr(stack_database, "docker", lambda *_, **__: next(left))

    assert Database(CONTAINER, secrets).ask("SELECT 1") == rows
    assert not list(left)


def test_an_answer_that_is_always_lost(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_database, "docker", lambda *_, **__: "")

    with pytest.raises(RolloutError, match="loses what the database answers"):
        Database(CONTAINER, secrets).ask("SELECT 1")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what the database is told."""
    found: list[str] = []
    monkeypatch.setattr(Database, "run", lambda _database, sql: found.append(sql))
    return found


def test_a_change_that_fails_puts_no_verifier_into_the_log(secrets: Secrets, ran: list[str]) -> None:
    Database(CONTAINER, secrets).change(["ALTER ROLE a PASSWORD 'b'"])

    assert ran == ["SET log_min_error_statement = panic;\nALTER ROLE a PASSWORD 'b'"]


def test_a_login_is_closed_before_its_sessions_are_ended(secrets: Secrets, ran: list[str]) -> None:
    Database(CONTAINER, secrets).close_login("django_blue")

    assert [sql.split(" ")[0] for sql in ran] == ["ALTER", "SELECT"]
    assert ran[0] == "ALTER ROLE django_blue NOLOGIN PASSWORD NULL"
    assert "pg_terminate_backend" in ran[1]
    assert "'django_blue'" in ran[1]


@pytest.mark.parametrize(
    ("restarts", "said"), [(2, "crashes again and again"), (1, "is not ready after 0 s")]
)
def test_a_database_that_crashes_is_not_waited_for(
    secrets: Secrets, monkeypatch: pytest.MonkeyPatch, restarts: int, said: str
) -> None:
    def refuse(*_words: str) -> str:
        raise RolloutError("no database")

    monkeypatch.setattr(stack_database, "docker", refuse)
    monkeypatch.setattr(Container, "refresh", lambda self: replace(self, restarts=restarts))
    monkeypatch.setattr(Container, "log", lambda _self: "the data is of another version")
    with pytest.raises(RolloutError, match=f"{said}:\nthe data is of another version"):
        Database(CONTAINER, secrets).wait(3600 if restarts == 2 else 0)
