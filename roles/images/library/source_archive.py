#!/usr/bin/python
"""Pack files and folders into one archive whose bytes depend on their content alone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: source_archive
short_description: Pack files and folders into reproducible archives
description:
  - Packs sources into tar archives that are the same, byte for byte, for the same content.
  - Order, owners and times are left out. Of the modes, only whether a file is executable is kept.
  - Reports no change, as the archive is a cache named by its own checksum.
options:
  archives:
    description: >-
      What to pack, by a name for each archive: a list of sources. V(path) is a file or folder, V(name) its
      path in the archive; V(.) puts a folder's content at the top.
    type: dict
    required: true
  exclude:
    description: Shell patterns of file and folder names to leave out, wherever they stand.
    type: list
    elements: str
    default: []
  dest:
    description: Folder for the archives. Without it only the checksums are made.
    type: path
attributes:
  check_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
checksums:
  description: SHA-256 of each archive, in hexadecimal, by its name.
  type: dict
  returned: always
paths:
  description: Path of each archive, by its name.
  type: dict
  returned: when O(dest) is given
"""

EXAMPLES = r"""
- name: Hash an app
  source_archive:
    archives:
      app: [{path: /home/me/app, name: app}]
    exclude: [.git, __pycache__]
"""

import fnmatch  # noqa: E402 - Ansible reads the documentation above first
import hashlib  # noqa: E402
import io  # noqa: E402
import os  # noqa: E402
import tarfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from contextlib import suppress  # noqa: E402
from pathlib import Path  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.files import write  # noqa: E402

MAX_AGE_SECONDS = 24 * 3600


def members(path: Path, name: str, exclude: list[str]) -> Iterator[tuple[Path, str]]:
    """Yield each file below a path with its name in the archive, sorted by that name.

    Args:
        path: File or folder.
        name: What the path is called in the archive.
        exclude: Shell patterns of names to leave out.

    Raises:
        FileNotFoundError: There is no such file or folder.
    """
    if path.is_file():
        yield path, name
        return
    for child in sorted(path.iterdir()):
        if any(fnmatch.fnmatchcase(child.name, pattern) for pattern in exclude):
            continue
        yield from members(child, f"{name}/{child.name}" if name != "." else child.name, exclude)


def pack(sources: list[dict[str, str]], exclude: list[str]) -> bytes:
    """Return the archive of the sources, uncompressed.

    Raises:
        FileNotFoundError: A source does not exist.
        OSError: A file can't be read.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for source in sources:
            for path, name in members(Path(source["path"]), source["name"], exclude):
                content = path.read_bytes()
                info = tarfile.TarInfo(name)
                info.size = len(content)
                info.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def keep(content: bytes, path: Path) -> None:
    """Write an archive, new also where there is one from before: by its age it is told whether it is used."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Several hosts' may be written at the same moment.
    write(path, content, partial=str(os.getpid()))


def drop_old(folder: Path) -> None:
    """Remove archives that no run can be pushing any more."""
    for path in folder.iterdir():
        # Another host's may get its name just now.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - MAX_AGE_SECONDS:
                path.unlink()


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "archives": {"type": "dict", "required": True},
            "exclude": {"type": "list", "elements": "str", "default": []},
            "dest": {"type": "path"},
        },
        supports_check_mode=True,
    )
    archives, dest = module.params["archives"], module.params["dest"]
    try:
        contents = {name: pack(sources, module.params["exclude"]) for name, sources in archives.items()}
        checksums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        paths = {name: Path(dest or ".") / f"{checksum}.tar" for name, checksum in checksums.items()}
        if dest and not module.check_mode:
            for name, content in contents.items():
                keep(content, paths[name])
            drop_old(Path(dest))
    except OSError as error:
        module.fail_json(msg=f"{error.filename} can't be read or written: {error.strerror}")
    result = {"paths": {name: str(path) for name, path in paths.items()}} if dest else {}
    module.exit_json(changed=False, checksums=checksums, **result)


if __name__ == "__main__":
    main()
