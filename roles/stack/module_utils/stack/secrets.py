"""The stack's secrets as files, and the rotation of them that is under way."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.files import read, sync, write

# Below, a database password can be guessed from what the database keeps of it.
SHORTEST = 16

# What is replaced together.
DATABASE, KEYS = "database", "secret_key"

# The table of secrets, as an argument of a module. The module secret_files documents it.
TABLE: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    # These are names of secrets, and not what is in them.
    "no_log": False,
    "options": {
        "name": {"type": "str", "required": True},
        "uid": {"type": "int", "required": True},
        "services": {"type": "list", "elements": "str", "default": []},
        "initial": {"type": "str"},
        "role": {"type": "str", "default": ""},
        "role_in": {"type": "str", "default": ""},
        "former_in": {"type": "str", "default": ""},
        "change": {"type": "str", "default": ""},
    },
}


class SecretError(Exception):
    """A secret can't be used; the text says why and what to do, and never shows it."""


@dataclass(frozen=True)
class Secret:
    """A line of the table of secrets.

    Attributes:
        name: Name of the file.
        uid: The numeric user who may read it.
        services: Those of the Compose file whose containers get it.
        initial: What it has at first; without, it is random or given.
        role: Role of the database whose password it is, if any.
        role_in: Name of the secret that says whose password it is, where that changes.
        former_in: Name of the secret that keeps what it was before and what still holds, if any.
        change: What its user does to change it, as the end of a sentence.
    """

    name: str
    uid: int
    services: tuple[str, ...] = ()
    initial: str | None = None
    role: str = ""
    role_in: str = ""
    former_in: str = ""
    change: str = ""

    @property
    def part(self) -> str:
        """With what it is replaced: the passwords of the database, the keys, or not at all."""
        if self.role or self.role_in:
            return DATABASE
        return KEYS if self.former_in else ""


def new_secret() -> str:
    """Return 384 random bits, which mean the same in every file format and shell."""
    return secrets.token_urlsafe(48)


def check_given(given: Mapping[str, object], table: Iterable[Secret]) -> None:
    """Check secrets that were not made here.

    Args:
        given: Their values, by name.
        table: The secrets that there are.

    Raises:
        SecretError: One of them can't be used.
    """
    names = [secret.name for secret in table if secret.initial is None]
    for name, value in given.items():
        if name not in names:
            raise SecretError(f"there is no secret {name}: choose from {', '.join(names)}")
        # Others mean something else once PostgreSQL and its clients have normalised them.
        plain = isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value
        if not plain or len(str(value)) < SHORTEST:
            raise SecretError(
                f"the given {name} can't be used: it must be a text of at least {SHORTEST} printable ASCII"
                " characters without a space"
            )


def write_secret(path: Path, content: str, uid: int) -> None:
    """Replace the file of a secret, which one numeric user alone may read."""
    write(path, content, mode=0o400, owner=(uid, uid))


class Secrets:
    """The folder of the secrets.

    A rotation begins by noting all new values in a file of its own, which goes when all of them are in use:
    a run that was killed meanwhile is finished by the next one.
    """

    def __init__(self, folder: Path, table: Iterable[Mapping[str, Any]]) -> None:
        """Read nothing yet.

        Args:
            folder: Where the files lie.
            table: The secrets that there are, as a module's argument.
        """
        self.folder = folder
        self.table = [Secret(**line) for line in table]
        self.rotation_file = folder / ".rotation"

    def file(self, name: str) -> str:
        """Return what a file has; empty if it isn't there."""
        text: str = read(self.folder / name)
        return text

    def rotation(self) -> dict[str, str]:
        """Return the values that are on their way into use."""
        found: dict[str, str] = json.loads(self.file(self.rotation_file.name) or "{}")
        return found

    def value(self, name: str) -> str:
        """Return what a secret is, or is about to be."""
        return self.rotation().get(name, self.file(name))

    def passwords(self) -> dict[str, str]:
        """Return the names of the secrets that roles of the database log in with, by role."""
        return {
            secret.role or self.value(secret.role_in): secret.name
            for secret in self.table
            if secret.part == DATABASE
        }

    def login(self) -> str:
        """Return the role that the API logs in as: its name is a secret, as a rotation changes it."""
        [login] = [self.value(secret.role_in) for secret in self.table if secret.role_in]
        return login

    def are_in(self, mounts: dict[str, str], root: Path) -> bool:
        """Tell whether a container has the secrets as they are, or are about to be.

        A mounted file that is replaced stays what it was in the container, until that is started again.

        Args:
            mounts: Files of the host, by where the container has them.
            root: The container's file system.
        """
        return all(content == self.value(name) for name, content in self._mounted(mounts, root))

    def login_in(self, mounts: dict[str, str], root: Path) -> str:
        """Return the role that a container logs in to the database as; empty if it has none.

        Args:
            mounts: Files of the host, by where the container has them.
            root: The container's file system.
        """
        names = [secret.role_in for secret in self.table if secret.role_in]
        return next((content for name, content in self._mounted(mounts, root) if name in names), "")

    def _mounted(self, mounts: dict[str, str], root: Path) -> Iterator[tuple[str, str]]:
        """Yield the name and the content of each secret, as a container has it."""
        for inside, source in mounts.items():
            if Path(source).parent == self.folder:
                yield Path(source).name, (root / inside.lstrip("/")).read_text()

    def begin(self, values: dict[str, str]) -> None:
        """Note values that are to be put into use."""
        write_secret(self.rotation_file, json.dumps(values), 0)

    def settle(self) -> None:
        """Put the new values into the files."""
        for name, value in self.rotation().items():
            path = self.folder / name
            if path.read_text() != value:
                write_secret(path, value, path.stat().st_uid)

    def finish(self) -> None:
        """Forget the rotation: all of its values are in use."""
        self.rotation_file.unlink(missing_ok=True)
        sync(self.folder)
