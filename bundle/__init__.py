"""A bundle: one file with all that a host without internet is deployed to from.

A bundle is a tar archive. Its first member, bundle.json, has the SHA-256 checksum of each other member. These
are `images.tar.gz` (our images, for the role images), `packages-RELEASE-MACHINE.tar` (Debian packages, for
the role packages) and `wheels/HASH/*.whl` (the app's wheels, for the role wheels).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

# Another number means that bundles are made up in another way.
FORMAT = 1
INDEX = "bundle.json"
MAX_AGE_SECONDS = 24 * 3600


class BundleError(Exception):
    """A bundle can't be used; the text says why and what to do."""


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def members(sources: Mapping[str, Path]) -> dict[str, Path]:
    """Return all files, those of folders as well, by the names that they get in a bundle."""
    found: dict[str, Path] = {}
    for name, source in sources.items():
        if source.is_dir():
            files = sorted(file for file in source.rglob("*") if file.is_file())
            found |= {f"{name}/{file.relative_to(source)}": file for file in files}
        else:
            found[name] = source
    return found


def pack(sources: Mapping[str, Path], path: Path) -> None:
    """Write a bundle, which appears whole.

    Args:
        sources: Files and folders by the names that they get in the bundle.
        path: The bundle.

    Raises:
        OSError: A file can't be read or written.
    """
    files = members(sources)
    index = {"format": FORMAT, "files": {name: digest(file) for name, file in files.items()}}
    content = json.dumps(index, indent=2).encode()
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as target:
        with tarfile.open(fileobj=target, mode="w") as archive:
            info = tarfile.TarInfo(INDEX)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
            for name, file in files.items():
                archive.add(file, name, recursive=False)
        target.flush()
        os.fsync(target.fileno())
    partial.rename(path)


def read_index(archive: tarfile.TarFile) -> dict[str, str]:
    """Return the checksums that a bundle has of its files.

    Raises:
        LookupError, TypeError, ValueError: It is no bundle.
        BundleError: It is a bundle of another version of this project.
    """
    member = archive.next()
    file = archive.extractfile(member) if member and member.name == INDEX else None
    if not file:
        raise LookupError(f"it does not begin with {INDEX}")
    index: dict[str, Any] = json.load(file)
    if index["format"] != FORMAT:
        raise BundleError("was made by another version of this project: make it again with bin/bundle")
    return dict(index["files"])


def extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack a bundle and compare each file with its checksum.

    Raises:
        BundleError: It is a bundle of another version of this project.
        LookupError, TypeError, ValueError, tarfile.TarError: It is broken, or no bundle.
    """
    checksums = read_index(archive)
    for member in archive:
        if member.name == INDEX:
            continue
        wanted = checksums.pop(member.name)
        target = folder / member.name
        file = archive.extractfile(member)
        if not file or not target.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{member.name} is no file of a bundle")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as content:
            shutil.copyfileobj(file, content)
        if digest(target) != wanted:
            raise ValueError(f"{member.name} differs from its checksum")
    if checksums:
        raise ValueError(f"{', '.join(checksums)} is missing")


def unpack(path: Path, cache: Path) -> Path:
    """Unpack a bundle, unless it has been unpacked before.

    Args:
        path: The bundle.
        cache: Folder of unpacked bundles. Those that no run has used for a day are removed.

    Returns:
        The folder with the files of the bundle.

    Raises:
        BundleError: The bundle is broken, or something else.
        OSError: It can't be read, or unpacked.
    """
    folder = cache / digest(path)[:16]
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        # Renamed when whole, so that a killed run leaves no half bundle behind.
        with tempfile.TemporaryDirectory(dir=cache) as unfinished:
            try:
                with tarfile.open(path, "r:") as archive:
                    extract(archive, Path(unfinished) / "bundle")
            except BundleError as error:
                raise BundleError(f"{path} {error}") from error
            except (tarfile.TarError, EOFError, LookupError, TypeError, ValueError) as error:
                raise BundleError(
                    f"{path} is broken, or no bundle: copy it or make it again ({error})"
                ) from error
            (Path(unfinished) / "bundle").rename(folder)
    # Its age tells whether somebody needs it.
    os.utime(folder)
    for other in cache.iterdir():
        with suppress(FileNotFoundError):
            if other.stat().st_mtime < time.time() - MAX_AGE_SECONDS:
                shutil.rmtree(other)
    return folder


def variables(folder: Path) -> dict[str, str]:
    """Return the variables that let the roles use an unpacked bundle."""
    return {
        "images_archive": str(folder / "images.tar.gz"),
        "packages_dir": str(folder),
        "wheels_cache_dir": str(folder / "wheels"),
        # The packages of the bundle are Debian's.
        "docker_source": "debian",
    }
