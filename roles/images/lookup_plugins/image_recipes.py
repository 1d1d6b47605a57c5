"""Describe the stack's images by what they are made from, on the controller."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: image_recipes
short_description: Describe the stack's images by what they are made from
description:
  - Returns one dictionary for each image, an image after the one that it stands on. C(key) is V(base),
    V(nginx), V(postgres), V(python) or V(api). C(ref) is the image's name, with the hash of all it is made
    from as its tag. C(pull) tells an official image from one of ours. C(base) is the key of the image that it
    stands on, C(args) are the other arguments of its Dockerfile, C(context) the name of the archive that it
    is built from.
  - An archive is the same, byte for byte, for the same content. Order, owners and times are left out; of the
    modes, only whether a file is executable is kept.
options:
  namespace:
    description: First part of the names of our images.
    type: str
    required: true
  files:
    description: Folder with the Dockerfiles and what goes with them, a sub-folder for each image.
    type: path
    required: true
  official:
    description: >-
      Names of official images by the keys of those whose place they take. An empty name counts as none.
    type: dict
    required: true
  machine:
    description: Architecture of the machine that runs the images.
    type: str
    required: true
  revision:
    description: Any text. Another one gives all our images other names.
    type: str
    required: true
  app:
    description: Folder with the Django project.
    type: path
    required: true
  exclude:
    description: Shell patterns of file and folder names in O(app) to leave out, wherever they stand.
    type: list
    elements: str
    required: true
  packages:
    description: Debian packages that the app needs.
    type: list
    elements: str
    required: true
  wheels:
    description: >-
      Folder with the wheels of the app's lock. They are no part of a name, as the lock has their hashes.
      Needed with O(archives).
    type: path
  archives:
    description: >-
      Folder for the archives. Those that no run has needed for a day are removed. Without it, nothing is
      written.
    type: path
"""

# An archive that is older than this can't be in use by a run any more.
MAX_AGE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class File:
    """A file in an archive."""

    name: str
    content: bytes
    executable: bool


@dataclass(frozen=True)
class Recipe:
    """What an image is made from."""

    key: str
    ref: str
    pull: bool = False
    base: str = ""
    args: dict[str, str] = field(default_factory=dict)
    context: str = ""


def files(path: Path, name: str, exclude: Iterable[str] = ()) -> Iterator[File]:
    """Yield each file below a path, sorted by name.

    Args:
        path: File or folder.
        name: What the path is called in the archive; empty puts a folder's content at the top.
        exclude: Shell patterns of names to leave out.

    Raises:
        OSError: There is no such path, or a file can't be read.
    """
    if path.is_file():
        yield File(name, path.read_bytes(), bool(path.stat().st_mode & 0o100))
        return
    for child in sorted(path.iterdir()):
        if not any(fnmatch.fnmatchcase(child.name, pattern) for pattern in exclude):
            yield from files(child, f"{name}/{child.name}".lstrip("/"), exclude)


def pack(content: Iterable[File]) -> bytes:
    """Return an uncompressed tar archive of files, and of the folders that they are in."""
    buffer = io.BytesIO()
    folders: set[str] = set()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in content:
            for folder in reversed(Path(file.name).parents[:-1]):
                if str(folder) not in folders:
                    folders.add(str(folder))
                    info = tarfile.TarInfo(str(folder))
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(info)
            info = tarfile.TarInfo(file.name)
            info.size, info.mode = len(file.content), 0o755 if file.executable else 0o644
            archive.addfile(info, io.BytesIO(file.content))
    return buffer.getvalue()


def digest(*parts: object) -> str:
    """Return the short hash that names what consists of these parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


class Recipes:
    """The recipes of all images, and the archives that these are built from.

    Args:
        options: The options of the lookup.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options
        self.recipes: dict[str, Recipe] = {}

    def describe(self) -> list[dict[str, Any]]:
        """Return the recipes, as the lookup does.

        Raises:
            OSError: A file can't be read or written.
        """
        options = self.options
        folder, app = Path(options["files"]), Path(options["app"])
        lock = [*files(folder / "python", ""), *files(app / "requirements.txt", "requirements.txt")]
        code = [*files(folder / "api", ""), *files(app, "app", options["exclude"])]

        self.add_base((folder / "base/make-base").read_text())
        self.add("nginx", "base", files(folder / "nginx", ""))
        self.add("postgres", "base", files(folder / "postgres", ""))
        self.add("python", "base", lock, {"PACKAGES": " ".join(options["packages"])}, wheels=True)
        self.add("api", "python", code)
        if options["archives"]:
            drop_old(Path(options["archives"]))
        return [asdict(recipe) for recipe in self.recipes.values()]

    def name(self, key: str, tag: str) -> str:
        return f"{self.options['namespace']}/{key}:{tag}"

    def add_base(self, program: str) -> None:
        official = self.options["official"].get("base")
        ours = self.name("base", digest(program, self.options["machine"], self.options["revision"]))
        self.recipes["base"] = Recipe("base", official or ours, pull=bool(official))

    def add(
        self,
        key: str,
        base: str,
        content: Iterable[File],
        args: dict[str, str] | None = None,
        *,
        wheels: bool = False,
    ) -> None:
        """Add the recipe of an image that is built from an archive.

        Args:
            key: The key of the image.
            base: The key of the image that it stands on.
            content: What names the image and is in its archive.
            args: Further arguments of the Dockerfile.
            wheels: Whether the wheels are in the archive as well.
        """
        if official := self.options["official"].get(key):
            self.recipes[key] = Recipe(key, official, pull=True)
            return
        args, content = args or {}, list(content)
        archive = pack(content)
        tag = digest(hashlib.sha256(archive).hexdigest(), args, self.recipes[base].ref)
        context = f"{key}-{tag}.tar"
        self.recipes[key] = Recipe(key, self.name(key, tag), base=base, args=args, context=context)
        if not self.options["archives"]:
            return
        path = Path(self.options["archives"]) / context
        try:
            # Its age tells whether somebody needs the archive.
            os.utime(path)
        except FileNotFoundError:
            if wheels:
                archive = pack([*content, *files(Path(self.options["wheels"]), "wheels")])
            keep(archive, path)


def keep(content: bytes, path: Path) -> None:
    """Write an archive, which appears whole. What modules share for this can't be imported here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)


def drop_old(folder: Path) -> None:
    """Remove archives that no run can be using any more."""
    for path in folder.iterdir():
        # Another host's run may remove or rename it meanwhile.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - MAX_AGE_SECONDS:
                path.unlink()


class LookupModule(LookupBase):  # type: ignore[misc] # ansible ships no types
    """Make the descriptions known to Ansible."""

    def run(
        self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: object
    ) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        try:
            return Recipes(self.get_options()).describe()
        except OSError as error:
            raise AnsibleError(f"{error.filename} can't be read or written") from error
