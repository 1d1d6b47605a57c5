"""Who may do what in the database, and how they prove who they are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any

from ansible.module_utils.stack_docker import Container, RolloutError, docker
from ansible.module_utils.stack_secrets import Secrets

DATABASE = "django"
SUPERUSER, OWNER, APP, BACKUP = "postgres", "django_owner", "django_app", "django_backup"
# The API logs in as one of these, members of APP. A rotation gives the other one a password, so that
# for as long as two releases run, the credentials of both are good.
LOGINS = ("django_blue", "django_green")
# The secrets that hold passwords of roles with one name only.
PASSWORDS = {
    SUPERUSER: "postgres_password",
    OWNER: "django_owner_password",
    BACKUP: "django_backup_password",
}
APP_USER, APP_PASSWORD = "django_app_user", "django_app_password"

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
            RolloutError: It failed.
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
            RolloutError: It failed.
        """
        name = PASSWORDS[SUPERUSER]
        # A rotation may have been killed between telling the database and telling the file.
        passwords = dict.fromkeys([self.secrets.file(name), self.secrets.value(name)])
        while True:
            password = next(iter(passwords))
            del passwords[password]
            try:
                return self._run(password, sql)
            except RolloutError as error:
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
        deadline = time.monotonic() + seconds
        while True:
            try:
                docker("exec", self.container.id, "pg_isready", "--quiet", "--host=127.0.0.1")
            except RolloutError as error:
                now = self.container.refresh()
                # By an image that can't read its data, say: the one before is to be back soon.
                if now and self.container.crashed(now):
                    raise RolloutError(
                        f"the database crashes again and again:\n{self.container.log()}"
                    ) from error
                if time.monotonic() > deadline:
                    raise RolloutError(
                        f"the database is not ready after {seconds:.0f} s:\n{self.container.log()}"
                    ) from error
                time.sleep(0.3)
            else:
                return

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
        passwords = {role: self.secrets.value(name) for role, name in PASSWORDS.items()}
        passwords[self.secrets.value(APP_USER)] = self.secrets.value(APP_PASSWORD)
        for role, password in passwords.items():
            now = roles.get(role, NOBODY)
            if not now["login"] or not fits(password, now["verifier"]):
                kept = verifier(password, secrets.token_bytes(16))
                statements.append(f"ALTER ROLE {role} LOGIN PASSWORD '{kept}'")
        return statements

    def change(self, statements: list[str]) -> None:
        # A statement that fails would otherwise be logged, with the verifier in it.
        self.run(";\n".join(["SET log_min_error_statement = panic", *statements]))

    def former_login(self, roles: dict[str, dict[str, Any]]) -> str:
        """Return the role that the API logged in as before a rotation, if it still can."""
        former = other_login(self.secrets.value(APP_USER))
        now = roles.get(former, NOBODY)
        return former if now["login"] or now["verifier"] else ""

    def close_login(self, role: str) -> None:
        """Have nobody log in as a role any more, and end the sessions of those who have."""
        self.run(f"ALTER ROLE {role} NOLOGIN PASSWORD NULL")
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")  # noqa: S608
