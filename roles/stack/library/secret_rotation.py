#!/usr/bin/python
"""Begin to replace secrets that are in use."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_rotation
short_description: Begin to replace secrets that are in use
description:
  - Notes new secrets beside those in use. The module M(rollout) puts them into use, and what is noted goes.
  - A rotation that has begun and isn't finished is left as it is.
  - Waits for a rollout that goes on although the run that began it has ended.
  - Never returns a secret.
options:
  path:
    description: The folder of the secrets.
    type: path
    required: true
  parts:
    description:
      - What to replace. V(database), the passwords of all roles of the database; V(secret_key), the key that
        Django signs with, which then still accepts what the former one signed; V(former_keys), to accept that
        no longer.
    type: list
    elements: str
    choices: [database, secret_key, former_keys]
    required: true
  secrets:
    description: The secrets that there are, as O(secret_files#module:secrets) has them.
    type: list
    elements: dict
    required: true
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
names:
  description: Names of the secrets that are about to be replaced, or would be.
  type: list
  elements: str
  returned: always
"""

EXAMPLES = r"""
- name: Replace Django's key
  secret_rotation:
    path: /srv/secrets
    parts: [secret_key]
    secrets: "{{ secrets }}"
"""

from contextlib import nullcontext  # noqa: E402 - Ansible reads the documentation above first
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.stack.alone import alone  # noqa: E402
from ansible.module_utils.stack.database import other_login  # noqa: E402
from ansible.module_utils.stack.errors import RolloutError  # noqa: E402
from ansible.module_utils.stack.secrets import (  # noqa: E402
    DATABASE,
    KEYS,
    TABLE,
    SecretError,
    Secrets,
    check_given,
    new_secret,
)

FORMER_KEYS = "former_keys"


def new_values(secrets: Secrets, parts: list[str], given: dict[str, Any]) -> dict[str, str]:
    """Choose the new secrets; one that is given and already in use stays.

    Args:
        secrets: Those in use.
        parts: What to replace.
        given: Values that are not to be random, by name.
    """
    replaced = [secret for secret in secrets.table if secret.part in parts]
    values = {secret.name: str(given.get(secret.name) or new_secret()) for secret in replaced}
    values = {name: value for name, value in values.items() if value != secrets.file(name)}
    for secret in secrets.table:
        if secret.role_in and secret.name in values:
            values[secret.role_in] = other_login(secrets.file(secret.role_in))
        if secret.former_in:
            known = secrets.file(secret.former_in).split()
            former = [] if FORMER_KEYS in parts else known
            if secret.name in values:
                former = [secrets.file(secret.name), *former]
            if former != known:
                values[secret.former_in] = "\n".join(former)
    return values


def begin(secrets: Secrets, parts: list[str], given: dict[str, Any], *, dry: bool) -> tuple[list[str], bool]:
    """Note the new secrets.

    Returns:
        Their names, and whether they are new now.

    Raises:
        SecretError: There is nothing to replace, or what is given can't be used.
    """
    if unfinished := secrets.rotation():
        return sorted(unfinished), False
    if not all(secrets.file(secret.name) for secret in secrets.table if secret.part):
        raise SecretError(f"there are no secrets in {secrets.folder} to replace: deploy first")
    check_given(given, secrets.table)
    values = new_values(secrets, parts, given)
    if values and not dry:
        secrets.begin(values)
    return sorted(values), bool(values)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "parts": {
                "type": "list",
                "elements": "str",
                "choices": [DATABASE, KEYS, FORMER_KEYS],
                "required": True,
            },
            "secrets": TABLE,
            "given": {"type": "dict", "default": {}, "no_log": True},
        },
        supports_check_mode=True,
    )
    secrets = Secrets(Path(module.params["path"]), module.params["secrets"])
    parts, given, dry = module.params["parts"], module.params["given"], module.check_mode
    try:
        # A rollout that goes on without its run would take what is noted now for what it has put into use.
        with nullcontext() if dry else alone(secrets.folder.parent):
            names, changed = begin(secrets, parts, given, dry=dry)
    except (SecretError, RolloutError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, names=names)


if __name__ == "__main__":
    main()
