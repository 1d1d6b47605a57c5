#!/usr/bin/python
"""Keep secrets in files that one numeric user alone may read."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_files
short_description: Keep secrets in files that one numeric user alone may read
description:
  - Makes each secret once, of 256 random bits or as it is given, and never replaces one that is there. To be
    given another value than the one in use is an error.
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
      initial:
        description: What it has at first, instead of a random secret. Can't be given.
        type: str
      change:
        description: What to do for another value than the one in use, as the end of a sentence.
        type: str
        default: ""
  given:
    description: Values of secrets that are not to be random, by name of the file.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
wrong_files:
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

from pathlib import Path  # noqa: E402 - Ansible reads the documentation above first
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.stack_secrets import SecretError, Secrets, check_given, new_secret, write_secret  # noqa: E402


def is_right(path: Path, uid: int) -> bool:
    """Tell whether a file exists and belongs to its reader alone."""
    if not path.exists():
        return False
    status = path.stat()
    return (status.st_uid, status.st_gid, status.st_mode & 0o777) == (uid, uid, 0o400)


def check(secrets: Secrets, files: list[dict[str, Any]], given: dict[str, Any]) -> None:
    """Check that what is given can be, and is no other than what is in use.

    Raises:
        SecretError: It isn't.
    """
    check_given(given, [file["name"] for file in files if file["initial"] is None])
    for file in files:
        name = file["name"]
        if name in given and (secrets.folder / name).exists() and given[name] != secrets.value(name):
            raise SecretError(
                f"the given {name} is not the one in use, and a deploy does not replace it: {file['change']}"
            )


def keep(folder: Path, files: list[dict[str, Any]], given: dict[str, Any], *, dry: bool) -> list[str]:
    """Make or correct what is missing or wrong.

    Args:
        folder: Where the files lie.
        files: `name`, `uid`, `initial` and `change` of each.
        given: Values that are not to be random, by name.
        dry: Only look.

    Returns:
        The names of those that are not right, or were not.

    Raises:
        SecretError: What is given can't be used.
    """
    check(Secrets(folder), files, given)
    if not dry:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    wrong = []
    for file in files:
        path = folder / file["name"]
        if is_right(path, file["uid"]):
            continue
        wrong.append(path.name)
        if not dry:
            initial = given.get(path.name, file["initial"])
            fresh = new_secret() if initial is None else initial
            write_secret(path, path.read_text() if path.exists() else fresh, file["uid"])
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
                    "initial": {"type": "str"},
                    "change": {"type": "str", "default": ""},
                },
            },
            "given": {"type": "dict", "default": {}, "no_log": True},
        },
        supports_check_mode=True,
    )
    folder, files, given = (module.params[name] for name in ("path", "files", "given"))
    try:
        wrong = keep(Path(folder), files, given, dry=module.check_mode)
    except SecretError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{error.filename} can't be kept: {error.strerror}")
    module.exit_json(changed=bool(wrong), wrong_files=wrong)


if __name__ == "__main__":
    main()
