#!/usr/bin/python
"""Keep secrets in files that one numeric user alone may read."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_files
short_description: Keep secrets in files that one numeric user alone may read
description:
  - Makes each secret once, of 256 random bits, and never replaces one that is there.
  - Compose mounts a secret's file as it is, so its owner is the container's numeric user.
  - Never returns a secret.
options:
  path:
    description: The folder, for root alone.
    type: path
    required: true
  files:
    description: The secrets.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the file.
        type: str
        required: true
      uid:
        description: Who may read it.
        type: int
        required: true
      copy_of:
        description: Name of the file to be the same as, as two users can't both own one.
        type: str
attributes:
  check_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
changed_files:
  description: Names of the files that were made or corrected, or would be.
  type: list
  elements: str
  returned: always
"""

EXAMPLES = r"""
- name: Keep a password that uid 999 reads
  secret_files:
    path: /srv/secrets
    files: [{name: password, uid: 999}]
"""

import os  # noqa: E402 - Ansible reads the documentation above first
import secrets  # noqa: E402
from pathlib import Path  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402


def write(path: Path, content: bytes, uid: int) -> None:
    """Make a secret's file appear whole and already private."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "wb") as file:
        os.fchown(descriptor, uid, uid)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    partial.rename(path)


def is_right(path: Path, content: bytes | None, uid: int) -> bool:
    """Tell whether a file exists, belongs to its reader alone and, if that is given, has the content."""
    if not path.exists():
        return False
    status = path.stat()
    private = (status.st_uid, status.st_gid, status.st_mode & 0o777) == (uid, uid, 0o400)
    return private and content in (None, path.read_bytes())


def keep(folder: Path, files: list[dict[str, str | int | None]], *, dry: bool) -> list[str]:
    """Make or correct what is missing or wrong.

    Args:
        folder: Where the files lie.
        files: `name`, `uid` and `copy_of` of each.
        dry: Only look.

    Returns:
        The names of those that are not right, or were not.
    """
    if not dry:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    wrong = []
    for file in files:
        path, uid = folder / str(file["name"]), int(file["uid"] or 0)
        source = folder / str(file["copy_of"]) if file["copy_of"] else None
        content = source.read_bytes() if source and source.exists() else None
        if is_right(path, content, uid):
            continue
        wrong.append(path.name)
        if not dry:
            content = content or (path.read_bytes() if path.exists() else b"")
            # URL-safe, so that it means the same in every file format and shell.
            write(path, content or secrets.token_urlsafe(32).encode(), uid)
    return wrong


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "uid": {"type": "int", "required": True},
                    "copy_of": {"type": "str"},
                },
            },
        },
        supports_check_mode=True,
    )
    try:
        wrong = keep(Path(module.params["path"]), module.params["files"], dry=module.check_mode)
    except OSError as error:
        module.fail_json(msg=f"{error.filename} can't be kept: {error.strerror}")
    module.exit_json(changed=bool(wrong), changed_files=wrong)


if __name__ == "__main__":
    main()
