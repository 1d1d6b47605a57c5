"""The stack's secrets as files, and the rotation of them that is under way."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from ansible.module_utils.stack_releases import sync

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


def write(path: Path, content: str, uid: int) -> None:
    """Make a secret's file appear whole and already private."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w") as file:
        os.fchown(descriptor, uid, uid)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    partial.rename(path)
    sync(path.parent)


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
        path = self.folder / name
        return path.read_text() if path.exists() else ""

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
        write(self.rotation_file, json.dumps(values), 0)

    def settle(self) -> None:
        """Put the new values into the files."""
        for name, value in self.rotation().items():
            path = self.folder / name
            if path.read_text() != value:
                write(path, value, path.stat().st_uid)

    def finish(self) -> None:
        self.rotation_file.unlink(missing_ok=True)
        sync(self.folder)
