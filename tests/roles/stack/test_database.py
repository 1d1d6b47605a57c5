"""Who the database knows, and by which proof."""

from __future__ import annotations

import base64
import hmac
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.engine import EngineError
from ansible.module_utils.stack import database as stack_database
from ansible.module_utils.stack.containers import Container
from ansible.module_utils.stack.database import LAYOUT, MADE_BY, NOBODY, Database, fits, verifier
from ansible.module_utils.stack.errors import RolloutError
from ansible.module_utils.stack.secrets import Secrets
from stand_in import TABLE, Host

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
# The exchange that RFC 7677 has as its example, with the password "pencil".
NONCE = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
EXCHANGE = f"n=user,r={NONCE[:20]},r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={NONCE}"
SIGNATURE = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

CONTAINER = Container("1", "django-db-1", "db", "", "", running=True, restarts=0, pid=1, started=0)


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
    for line in TABLE:
        (tmp_path / line["name"]).write_text(f"the {line['name']}")
    (tmp_path / "django_app_user").write_text("django_blue")
    return Secrets(tmp_path, TABLE)


def roles(secrets: Secrets) -> dict[str, dict[str, Any]]:
    """Return what a database has that lacks nothing."""
    names = {
        "postgres": "postgres_password",
        "django_owner": "django_owner_password",
        "django_backup": "django_backup_password",
        "django_blue": "django_app_password",
    }
    good = {
        role: {"login": True, "verifier": verifier(secrets.file(name), SALT)} for role, name in names.items()
    }
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
    assert changed == ["postgres", "django_blue", "django_owner", "django_backup"]
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
            raise EngineError("FATAL: password authentication failed for user postgres")
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
    with pytest.raises(EngineError, match="password authentication failed"):
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
        raise EngineError("no database")

    monkeypatch.setattr(stack_database, "docker", refuse)
    monkeypatch.setattr(Container, "refresh", lambda self: replace(self, restarts=restarts))
    monkeypatch.setattr(Container, "log", lambda _self: "the data is of another version")
    with pytest.raises(RolloutError, match=f"{said}:\nthe data is of another version"):
        Database(CONTAINER, secrets).wait(3600 if restarts == 2 else 0)


def test_another_failure_is_no_reason_to_try_another_password(
    secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def docker(*_words: str, text: str) -> str:
        asked.append(text)
        raise EngineError("no such container")

    monkeypatch.setattr(stack_database, "docker", docker)
    secrets.begin({"postgres_password": "new"})
    with pytest.raises(EngineError, match="no such container"):
        Database(CONTAINER, secrets).run("SELECT 1")
    assert len(asked) == 1


def test_psql_reads_password_and_statements_in_one_transaction(
    secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    monkeypatch.setattr(stack_database, "docker", lambda *words, text: said.append((words, text)))
    Database(CONTAINER, secrets).run("SELECT 1")

    [(words, text)] = said
    assert text == "the postgres_password\nSELECT 1\n"
    assert " ".join(words) == (
        "exec --interactive 1 psql -XqAt --password --single-transaction --set=ON_ERROR_STOP=1 --file=-"
        " --host=127.0.0.1 --username=postgres --dbname=django"
    )


def test_migrations_are_read_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, monkeypatch)
    host.deploy()
    database = Database(CONTAINER, host.secrets)
    monkeypatch.setattr(stack_database, "docker", lambda *_, text: host._psql(text))

    assert database.migrations() == []
    host.migrations = ["films.0002", "films.0001"]
    assert database.migrations() == ["films.0002", "films.0001"]


# What PostgreSQL is told where it does not hold, and a part of the question whether it does.
STATEMENTS = {
    "ALTER DATABASE django OWNER TO django_owner": "datdba) = 'django_owner'",
    "REVOKE ALL ON DATABASE django FROM PUBLIC": "NOT has_database_privilege('public', 'django'",
    "REVOKE ALL ON DATABASE postgres FROM PUBLIC": "NOT has_database_privilege('public', 'postgres'",
    "REVOKE ALL ON DATABASE template1 FROM PUBLIC": "NOT has_database_privilege('public', 'template1'",
    "GRANT CONNECT ON DATABASE django TO django_app": "privilege('django_app', 'django', 'CONNECT')",
    "GRANT CONNECT ON DATABASE django TO django_backup": "privilege('django_backup', 'django', 'CONNECT')",
    "GRANT django_app TO django_blue": "pg_has_role('django_blue', 'django_app', 'MEMBER')",
    "GRANT django_app TO django_green": "pg_has_role('django_green', 'django_app', 'MEMBER')",
    "GRANT pg_read_all_data TO django_backup": "pg_has_role('django_backup', 'pg_read_all_data', 'MEMBER')",
    "ALTER DEFAULT PRIVILEGES FOR ROLE django_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE"
    " ON TABLES TO django_app": "(SELECT count(*) = 4",
    "ALTER DEFAULT PRIVILEGES FOR ROLE django_owner IN SCHEMA public GRANT SELECT, UPDATE, USAGE"
    " ON SEQUENCES TO django_app": "(SELECT count(*) = 3",
}


def test_every_privilege_is_asked_for_as_it_is_given() -> None:
    assert [sql for _, sql in LAYOUT] == list(STATEMENTS)
    for condition, sql in LAYOUT:
        assert STATEMENTS[sql] in condition
    for condition, sql in LAYOUT[-2:]:
        [letter] = [letter for letter in "rS" if f"defaclobjtype = '{letter}'" in condition]
        assert letter == ("r" if "TABLES" in sql else "S")
        for privilege in sql.partition("GRANT ")[2].partition(" ON")[0].split(", "):
            assert f"'{privilege}'" in condition


def test_roles_are_made_without_a_login() -> None:
    assert MADE_BY == {
        "django_owner": "CREATE ROLE django_owner",
        "django_app": "CREATE ROLE django_app NOLOGIN",
        "django_backup": "CREATE ROLE django_backup",
        "django_blue": "CREATE ROLE django_blue NOLOGIN",
        "django_green": "CREATE ROLE django_green NOLOGIN",
    }


def test_a_role_that_went_is_made_again_with_its_privileges(secrets: Secrets) -> None:
    found = roles(secrets)
    del found["django_green"]
    assert Answers(secrets).missing(found) == [
        "CREATE ROLE django_green NOLOGIN",
        *(sql for _, sql in LAYOUT),
    ]


def test_a_verifier_has_a_salt_of_its_own(secrets: Secrets) -> None:
    first, second = (Answers(secrets).missing({"postgres": NOBODY})[-1] for _ in range(2))
    assert first != second
    [salt] = {len(base64.b64decode(sql.split(":")[1].split("$")[0])) for sql in (first, second)}
    assert salt == 16


@pytest.mark.parametrize(
    ("former", "open_"),
    [({"login": True, "verifier": ""}, True), ({"login": False, "verifier": "x"}, True), (NOBODY, False)],
)
def test_a_former_login_is_closed_to_the_last(secrets: Secrets, former: dict[str, Any], open_: bool) -> None:
    found = roles(secrets) | {"django_green": former}
    assert Answers(secrets).former_login(found) == ("django_green" if open_ else "")
    del found["django_green"]
    assert Answers(secrets).former_login(found) == ""


def test_a_database_that_takes_connections_later_is_waited_for(
    tmp_path: Path, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(tmp_path, monkeypatch)
    host.boot["1"] = 20
    host.roles = {"postgres": NOBODY}
    host.add("db", "1")
    began = host.clock.now
    container = replace(CONTAINER, id="id-of-django-db-1")

    Database(container, secrets).wait(30)
    assert host.clock.now - began == pytest.approx(20, abs=0.5)

    host.boot["1"] = 1000
    with pytest.raises(
        RolloutError, match="the database is not ready after 30 s:\nlast words of django-db-1"
    ):
        Database(container, secrets).wait(30)
