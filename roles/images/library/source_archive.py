#!/usr/bin/python
"""Pack files and folders into one archive whose bytes depend on their content alone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: source_archive
short_description: Pack files and folders into one reproducible archive
description:
  - Packs sources into a tar archive that is the same, byte for byte, for the same content.
  - Order, owners and times are left out. Of the modes, only whether a file is executable is kept.
  - Reports no change, as the archive is a cache named by its own checksum.
options:
  sources:
    description: What to pack.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: File or folder.
        type: path
        required: true
      name:
        description: Its path in the archive. V(.) puts a folder's content at the top.
        type: str
        required: true
  exclude:
    description: Shell patterns of file and folder names to leave out, wherever they stand.
    type: list
    elements: str
    default: []
  dest:
    description: Folder for the archive. Without it only the checksum is made.
    type: path
attributes:
  check_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
checksum:
  description: SHA-256 of the archive, in hexadecimal.
  type: str
  returned: always
path:
  description: Path of the archive.
  type: str
  returned: when O(dest) is given
"""

EXAMPLES = r"""
- name: Hash an app
  source_archive:
    sources: [{path: /home/me/app, name: app}]
    exclude: [.git, __pycache__]
"""

import fnmatch  # noqa: E402 - Ansible reads the documentation above first
import hashlib  # noqa: E402
import io  # noqa: E402
import os  # noqa: E402
import tarfile  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402


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


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "sources": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "name": {"type": "str", "required": True},
                },
            },
            "exclude": {"type": "list", "elements": "str", "default": []},
            "dest": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        content = pack(module.params["sources"], module.params["exclude"])
    except OSError as error:
        module.fail_json(msg=f"{error.filename} can't be read: {error.strerror}")
    checksum = hashlib.sha256(content).hexdigest()
    result = {"changed": False, "checksum": checksum}
    if module.params["dest"]:
        folder = Path(module.params["dest"])
        path = folder / f"{checksum}.tar"
        if not module.check_mode and not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            # Renamed when whole, so that a killed run leaves no half archive behind.
            partial = path.with_suffix(f".{os.getpid()}")
            partial.write_bytes(content)
            partial.rename(path)
        result["path"] = str(path)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
