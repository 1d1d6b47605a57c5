#!/usr/bin/python
"""Keep secrets in files that one numeric user alone may read."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_files
short_description: Keep secrets in files that one numeric user alone may read
description:
  - Makes each secret once, of 384 random bits or as it is given, and never replaces one that is there. To be
    given another value than the one in use is an error.
  - Compose mounts a secret's file as it is, so its owner is the container's numeric user.
  - Never returns a secret.
options:
  path:
    description: The folder, for root alone.
    type: path
    required: true
  secrets:
    description: The secrets that there are.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the file.
        type: str
        required: true
      uid:
        description: The numeric user who may read it.
        type: int
        required: true
      services:
        description: Services of the Compose file whose containers get it.
        type: list
        elements: str
        default: []
      initial:
        description: What it has at first, instead of a random secret. Can't be given.
        type: str
      role:
        description: Role of the database whose password it is.
        type: str
        default: ""
      role_in:
        description: Name of the secret that says whose password it is, where a rotation changes that.
        type: str
        default: ""
      former_in:
        description: Name of the secret that keeps its former values which still hold, one a line.
        type: str
        default: ""
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
    secrets: [{name: password, uid: 999}]
"""

from pathlib import Path  # noqa: E402 - Ansible reads the documentation above first
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.stack.secrets import (  # noqa: E402
    TABLE,
    SecretError,
    Secrets,
    check_given,
    new_secret,
    write_secret,
)


def is_right(path: Path, uid: int) -> bool:
    """Tell whether a file exists and belongs to its reader alone."""
    if not path.exists():
        return False
    status = path.stat()
    return (status.st_uid, status.st_gid, status.st_mode & 0o777) == (uid, uid, 0o400)


def check(secrets: Secrets, given: dict[str, Any]) -> None:
    """Check that what is given can be, and is no other than what is in use.

    Raises:
        SecretError: It isn't.
    """
    check_given(given, secrets.table)
    for secret in secrets.table:
        name = secret.name
        if name in given and (secrets.folder / name).exists() and given[name] != secrets.value(name):
            raise SecretError(
                f"the given {name} is not the one in use, and a deploy does not replace it: {secret.change}"
            )


def keep(secrets: Secrets, given: dict[str, Any], *, dry: bool) -> list[str]:
    """Make or correct what is missing or wrong.

    Args:
        secrets: Those that there are to be.
        given: Values that are not to be random, by name.
        dry: Only look.

    Returns:
        The names of those that are not right, or were not.

    Raises:
        SecretError: What is given can't be used.
    """
    check(secrets, given)
    if not dry:
        secrets.folder.mkdir(parents=True, exist_ok=True)
        secrets.folder.chmod(0o700)
    wrong = []
    for secret in secrets.table:
        path = secrets.folder / secret.name
        if is_right(path, secret.uid):
            continue
        wrong.append(secret.name)
        if not dry:
            initial = given.get(secret.name, secret.initial)
            fresh = new_secret() if initial is None else initial
            write_secret(path, path.read_text() if path.exists() else fresh, secret.uid)
    return wrong


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "secrets": TABLE,
            "given": {"type": "dict", "default": {}, "no_log": True},
        },
        supports_check_mode=True,
    )
    secrets = Secrets(Path(module.params["path"]), module.params["secrets"])
    try:
        wrong = keep(secrets, module.params["given"], dry=module.check_mode)
    except SecretError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{error.filename} can't be kept: {error.strerror}")
    module.exit_json(changed=bool(wrong), wrong_files=wrong)


if __name__ == "__main__":
    main()
