"""Files that a power cut does not take once a client has been told that they are saved."""

import os
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk.

    Raises:
        OSError: The disk failed, or has no room.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class DurableFileSystemStorage(FileSystemStorage):
    """For uploads: a row that survives a power cut must not name a file that does not."""

    def _save(self, name: str, content: "File[Any]") -> str:
        saved: str = super()._save(name, content)  # type: ignore[misc]  # not in the stubs
        path = Path(self.path(saved))
        sync(path)
        sync(path.parent)
        return saved
