"""Crash-safe changes of files: under a name lies the old or the new, whole, also after a power cut."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def read(path: Path) -> str:
    """Return the text of a file; empty if the file isn't there."""
    return path.read_text() if path.exists() else ""


def write(
    path: Path,
    content: str | bytes,
    *,
    mode: int = 0o644,
    owner: tuple[int, int] | None = None,
    check: Callable[[Path], None] | None = None,
    partial: str = "partial",
) -> None:
    """Replace a file in one step, or make it.

    Args:
        path: The file, in a folder that exists.
        content: What is to be in it.
        mode: Who may do what with the file, whatever the umask is. Until it is whole, nobody else may.
        owner: Numeric user and group; without, those of this process.
        check: Called with the whole file before that gets its name. If it raises, nothing is replaced.
        partial: Ends the name of the file until it is whole. Processes that may write the same file at once
            need one each.

    Raises:
        OSError: The file can't be written.
    """
    unfinished = path.with_name(f".{path.name}.{partial}")
    # A killed run may have left one, with a mode and an owner of its own.
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fchown(descriptor, *(owner or (os.geteuid(), os.getegid())))
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        if check:
            check(unfinished)
        unfinished.rename(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync(path.parent)


def link(path: Path, target: str) -> None:
    """Point a symbolic link elsewhere in one step, or make it."""
    unfinished = path.with_name(f".{path.name}.partial")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target)
    unfinished.rename(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Have the disk know the entries of a folder: a power cut must not bring a former one back."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
