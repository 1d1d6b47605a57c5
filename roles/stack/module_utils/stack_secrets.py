"""The stack's secrets as files, and the rotation of them that is under way."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from ansible.module_utils.files import read, sync, write

# Below, a database password can be guessed from what the database keeps of it.
SHORTEST = 16


class SecretError(Exception):
    """A secret can't be used; the text says why and what to do, and never shows it."""


def new_secret() -> str:
    # URL-safe, so that it means the same in every file format and shell.
    return secrets.token_urlsafe(48)


def check_given(given: Mapping[str, object], known: Iterable[str]) -> None:
    """Check secrets that were not made here.

    Args:
        given: Their values, by name.
        known: Names that there are.

    Raises:
        SecretError: One of them can't be used.
    """
    names = list(known)
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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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

    def are_in(self, mounts: dict[str, str], root: Path) -> bool:
        """Tell whether a container has the secrets as they are, or are about to be.

        A mounted file that is replaced stays what it was in the container, until that is started again.

        Args:
            mounts: Files of the host, by where the container has them.
            root: The container's file system.
        """
        return all(
            (root / inside.lstrip("/")).read_text() == self.value(Path(source).name)
            for inside, source in mounts.items()
            if Path(source).parent == self.folder
        )

    def begin(self, values: dict[str, str]) -> None:
        write_secret(self.rotation_file, json.dumps(values), 0)

    def settle(self) -> None:
        """Put the new values into the files."""
        for name, value in self.rotation().items():
            path = self.folder / name
            if path.read_text() != value:
                write_secret(path, value, path.stat().st_uid)

    def finish(self) -> None:
        self.rotation_file.unlink(missing_ok=True)
        sync(self.folder)
