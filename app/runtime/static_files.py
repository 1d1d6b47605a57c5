"""Static files, when two releases share their folder.

While a new release starts, the old one still serves: its names must keep their meaning, and no file may be
missing for a moment.
"""

import filecmp
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage

from runtime.durable_files import sync

# What gzip makes smaller. Others are compressed already, and would be tried anew at each start.
COMPRESSIBLE = re.compile(
    r"\.(css|csv|eot|html?|ico|js|json|map|mjs|otf|svg|ttf|txt|wasm|webmanifest|xml)$", re.IGNORECASE
)


class SharedStaticFilesStorage(ManifestStaticFilesStorage):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Which name a file has differs between releases, so each keeps a manifest of its own.
        manifest_storage = FileSystemStorage(location=settings.STATIC_MANIFEST_DIR)
        super().__init__(*args, manifest_storage=manifest_storage, allow_overwrite=True, **kwargs)

    def delete(self, name: str) -> None:
        """Keep the file: collectstatic deletes what it is about to write again, which _save replaces."""

    def post_process(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for name, hashed_name, processed in super().post_process(*args, **kwargs):
            if hashed_name:
                self._compress(hashed_name)
            yield name, hashed_name, processed

    def _compress(self, name: str) -> None:
        """Write what nginx sends to those who take gzip, beside the file.

        Only where a hash in the name ties it to the content: whichever release wrote it, it fits for good.
        One that a power cut prevented is made up for by the next start.
        """
        compressed = f"{name}.gz"
        if not COMPRESSIBLE.search(name) or self.exists(compressed):
            return
        plain = Path(self.path(name)).read_bytes()
        content = gzip.compress(plain, mtime=0)
        if len(content) < len(plain):
            self._save(compressed, ContentFile(content))

    def _save(self, name: str, content: "File[Any]") -> str:
        """In one step: who reads it meanwhile gets the file as it was, or as it is then.

        On the disk before it has its name: to collectstatic, an empty file that a power cut left would be one
        that is up to date. What is there already costs no wait for the disk: each start saves every style
        sheet and script twice.
        """
        saved = super()._save(f"{name}.{uuid4().hex}", content)  # type: ignore[misc]  # not in the stubs
        part, path = Path(self.path(saved)), Path(self.path(name))
        if path.exists() and filecmp.cmp(part, path, shallow=False):
            part.unlink()
        else:
            sync(part)
            part.replace(path)
        return name
