"""Who may do what in the database, and how they prove who they are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

from ansible.module_utils.engine import EngineError, docker

from .containers import Container
from .errors import RolloutError
from .probe import until
from .secrets import Secrets

DATABASE = "django"
SUPERUSER, OWNER, APP, BACKUP = "postgres", "django_owner", "django_app", "django_backup"
# The API logs in as one of these, members of APP. A rotation gives the other one a password, so that
# for as long as two releases run, the credentials of both are good.
LOGINS = ("django_blue", "django_green")

ITERATIONS = 4096
END_OF_ROWS = "end-of-rows"
# What is known of a role that isn't there.
NOBODY = {"login": False, "verifier": ""}
# Roles there have to be: what makes each.
MADE_BY = {
    OWNER: f"CREATE ROLE {OWNER}",
    APP: f"CREATE ROLE {APP} NOLOGIN",
    BACKUP: f"CREATE ROLE {BACKUP}",
    **{login: f"CREATE ROLE {login} NOLOGIN" for login in LOGINS},
}


def other_login(login: str) -> str:
    """Return the login that is not this one."""
    return LOGINS[0] if login == LOGINS[1] else LOGINS[1]


def default_privileges(kind: str, letter: str, *privileges: str) -> tuple[str, str]:
    """Have the app use what the owner will make."""
    wanted = ", ".join(f"'{one}'" for one in privileges)
    return (
        f"(SELECT count(*) = {len(privileges)} FROM pg_default_acl, aclexplode(defaclacl)"  # noqa: S608
        f" WHERE defaclrole = '{OWNER}'::regrole AND defaclobjtype = '{letter}'"
        f" AND grantee = '{APP}'::regrole AND privilege_type IN ({wanted}))",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public"
        f" GRANT {', '.join(privileges)} ON {kind} TO {APP}",
    )


def granted(role: str, database: str = DATABASE) -> tuple[str, str]:
    return (
        f"has_database_privilege('{role}', '{database}', 'CONNECT')",
        f"GRANT CONNECT ON DATABASE {database} TO {role}",
    )


def closed(database: str) -> tuple[str, str]:
    """Let nobody in who isn't named."""
    return (
        f"NOT has_database_privilege('public', '{database}', 'CONNECT, TEMPORARY')",
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
    )


def member(role: str, of: str) -> tuple[str, str]:
    return f"pg_has_role('{role}', '{of}', 'MEMBER')", f"GRANT {of} TO {role}"


# What has to hold, and what brings it about. Nobody but the owner may make anything: PostgreSQL has let
# only a database's owner make things in schema public since version 15.
LAYOUT = [
    (
        f"(SELECT pg_get_userbyid(datdba) = '{OWNER}' FROM pg_database WHERE datname = '{DATABASE}')",  # noqa: S608
        f"ALTER DATABASE {DATABASE} OWNER TO {OWNER}",
    ),
    closed(DATABASE),
    closed("postgres"),
    closed("template1"),
    granted(APP),
    granted(BACKUP),
    *(member(login, APP) for login in LOGINS),
    member(BACKUP, "pg_read_all_data"),
    default_privileges("TABLES", "r", "SELECT", "INSERT", "UPDATE", "DELETE"),
    default_privileges("SEQUENCES", "S", "SELECT", "UPDATE", "USAGE"),
]


def verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """Return what PostgreSQL keeps of a password: enough to check it, not enough to log in with.

    Args:
        password: In printable ASCII, which SASLprep leaves as it is.
        salt: Random bytes.
        iterations: How dear a guess is.
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    parts = hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")
    stored_key, server_key = (base64.b64encode(part).decode() for part in parts)
    return f"SCRAM-SHA-256${iterations}:{base64.b64encode(salt).decode()}${stored_key}:{server_key}"


def fits(password: str, kept: str) -> bool:
    """Tell whether a verifier is that of a password."""
    try:
        method, parameters, _keys = kept.split("$")
        iterations, salt = parameters.split(":")
    except ValueError:
        return False
    return method == "SCRAM-SHA-256" and hmac.compare_digest(
        kept, verifier(password, base64.b64decode(salt), int(iterations))
    )


class Database:
    """PostgreSQL, asked and changed as its superuser."""

    def __init__(self, container: Container, secrets: Secrets) -> None:
        self.container = container
        self.secrets = secrets

    def ask(self, sql: str) -> str:
        """Return the rows of a query, which can be repeated.

        Raises:
            EngineError: It failed.
            RolloutError: Its answer is lost.
        """
        # The engine loses the output of a command now and then, and calls that a success: no rows mean
        # something else.
        for _ in range(3):
            rows, whole, _ = self.run(f"{sql};\n\\echo {END_OF_ROWS}").partition(END_OF_ROWS)
            if whole:
                return rows
        raise RolloutError(
            "docker exec loses what the database answers: look into the engine's log and rerun"
        )

    def run(self, sql: str) -> str:
        """Run SQL in one transaction; return the rows.

        Raises:
            EngineError: It failed.
        """
        name = self.secrets.passwords()[SUPERUSER]
        # A rotation may have been killed between telling the database and telling the file.
        passwords = dict.fromkeys([self.secrets.file(name), self.secrets.value(name)])
        while True:
            password = next(iter(passwords))
            del passwords[password]
            try:
                return self._run(password, sql)
            except EngineError as error:
                if "password authentication failed" not in str(error) or not passwords:
                    raise

    def _run(self, password: str, sql: str) -> str:
        # psql without a terminal reads a password from its input: neither arguments nor environment have it.
        words = ("psql", "-XqAt", "--password", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-")
        where = ("--host=127.0.0.1", f"--username={SUPERUSER}", f"--dbname={DATABASE}")
        said: str = docker(
            "exec", "--interactive", self.container.id, *words, *where, text=f"{password}\n{sql}\n"
        )
        return said

    def wait(self, seconds: float) -> None:
        """Wait until it takes connections.

        Raises:
            RolloutError: It doesn't.
        """

        def look() -> str:
            try:
                docker("exec", self.container.id, "pg_isready", "--quiet", "--host=127.0.0.1")
            except EngineError as error:
                now = self.container.refresh()
                # By an image that can't read its data, for example: the one before is to be back soon.
                if now and self.container.crashed(now):
                    raise RolloutError(
                        f"the database crashes again and again:\n{self.container.log()}"
                    ) from error
                return str(error)
            return ""

        if until(seconds, 0.3, look):
            raise RolloutError(f"the database is not ready after {seconds:.0f} s:\n{self.container.log()}")

    def migrations(self) -> list[str]:
        """Return the migrations of Django that it has seen; none if the app is without."""
        if self.ask("SELECT to_regclass('django_migrations')").strip():
            return self.ask("SELECT app || '.' || name FROM django_migrations ORDER BY id").split()
        return []

    def roles(self) -> dict[str, dict[str, Any]]:
        """Return whether each role can log in, and the verifier of its password."""
        columns = "rolname, json_build_object('login', rolcanlogin, 'verifier', coalesce(rolpassword, ''))"
        found = self.ask(f"SELECT coalesce(json_object_agg({columns}), '{{}}') FROM pg_authid")  # noqa: S608
        roles: dict[str, dict[str, Any]] = json.loads(found)
        return roles

    def missing(self, roles: dict[str, dict[str, Any]]) -> list[str]:
        """Return the SQL that brings roles and privileges to what they have to be."""
        statements = [sql for role, sql in MADE_BY.items() if role not in roles]
        if statements:
            statements += [sql for _, sql in LAYOUT]
        else:
            answers = self.ask("".join(f"SELECT {condition};" for condition, _ in LAYOUT)).split()
            statements += [sql for (_, sql), holds in zip(LAYOUT, answers, strict=True) if holds != "t"]
        for role, name in self.secrets.passwords().items():
            now, password = roles.get(role, NOBODY), self.secrets.value(name)
            if not now["login"] or not fits(password, now["verifier"]):
                kept = verifier(password, secrets.token_bytes(16))
                statements.append(f"ALTER ROLE {role} LOGIN PASSWORD '{kept}'")
        return statements

    def change(self, statements: list[str]) -> None:
        """Run SQL in one transaction, or nothing of it."""
        # A statement that fails would otherwise be logged, with the verifier in it.
        self.run(";\n".join(["SET log_min_error_statement = panic", *statements]))

    def former_login(self, roles: dict[str, dict[str, Any]]) -> str:
        """Return the role that the API logged in as before a rotation, if it still can."""
        former = other_login(self.secrets.login())
        now = roles.get(former, NOBODY)
        return former if now["login"] or now["verifier"] else ""

    def close_login(self, role: str) -> None:
        """Have nobody log in as a role any more, and end the sessions of those who have."""
        self.run(f"ALTER ROLE {role} NOLOGIN PASSWORD NULL")
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")  # noqa: S608
