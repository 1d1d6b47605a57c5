#!/usr/bin/python
"""Begin to replace secrets that are in use."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_rotation
short_description: Begin to replace secrets that are in use
description:
  - Notes new secrets beside those in use. The module M(rollout) puts them into use, and what is noted goes.
  - A rotation that has begun and isn't finished is left as it is.
  - Never returns a secret.
options:
  path:
    description: The folder of the secrets.
    type: path
    required: true
  parts:
    description:
      - What to replace. V(database), the passwords of all roles of the database; V(secret_key), Django's key,
        which then still accepts what the former one signed; V(former_keys), to accept that no longer.
    type: list
    elements: str
    choices: [database, secret_key, former_keys]
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
"""

from pathlib import Path  # noqa: E402 - Ansible reads the documentation above first
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.stack_database import APP_PASSWORD, APP_USER, PASSWORDS, other_login  # noqa: E402
from ansible.module_utils.stack_secrets import SecretError, Secrets, check_given, new_secret  # noqa: E402

KEY, FORMER_KEYS = "django_secret_key", "django_secret_key_fallbacks"
# Its user's to change: a rotation leaves it alone.
ADMIN_PASSWORD = "django_admin_password"  # noqa: S105 - name of a file


def new_values(secrets: Secrets, parts: list[str], given: dict[str, Any]) -> dict[str, str]:
    """Choose the new secrets; one that is given and already in use stays.

    Args:
        secrets: Those in use.
        parts: What to replace.
        given: Values that are not to be random, by name.
    """
    names = [*PASSWORDS.values(), APP_PASSWORD] if "database" in parts else []
    names += [KEY] if "secret_key" in parts else []
    values = {name: str(given.get(name) or new_secret()) for name in names}
    values = {name: value for name, value in values.items() if value != secrets.file(name)}
    if APP_PASSWORD in values:
        values[APP_USER] = other_login(secrets.file(APP_USER))
    former = [] if "former_keys" in parts else secrets.file(FORMER_KEYS).split()
    if KEY in values:
        former = [secrets.file(KEY), *former]
    if former != secrets.file(FORMER_KEYS).split():
        values[FORMER_KEYS] = "\n".join(former)
    return values


def begin(folder: Path, parts: list[str], given: dict[str, Any], *, dry: bool) -> tuple[list[str], bool]:
    """Note the new secrets.

    Returns:
        Their names, and whether they are new now.

    Raises:
        SecretError: There is nothing to replace, or what is given can't be used.
    """
    secrets = Secrets(folder)
    if unfinished := secrets.rotation():
        return sorted(unfinished), False
    if not secrets.file(KEY):
        raise SecretError(f"there are no secrets in {folder} to replace: deploy first")
    check_given(given, [*PASSWORDS.values(), APP_PASSWORD, KEY, ADMIN_PASSWORD])
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
                "choices": ["database", "secret_key", "former_keys"],
                "required": True,
            },
            "given": {"type": "dict", "default": {}, "no_log": True},
        },
        supports_check_mode=True,
    )
    folder, parts, given = (module.params[name] for name in ("path", "parts", "given"))
    try:
        names, changed = begin(Path(folder), parts, given, dry=module.check_mode)
    except (SecretError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, names=names)


if __name__ == "__main__":
    main()
