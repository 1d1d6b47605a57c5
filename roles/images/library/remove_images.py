#!/usr/bin/python
"""Remove images."""

from __future__ import annotations

DOCUMENTATION = r"""
module: remove_images
short_description: Remove images by their names
description:
  - A layer goes with the last image that has it. An image that a container uses is an error.
options:
  names:
    description: The names. All of them have to be there.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    support: full
author: the maintainers
"""

EXAMPLES = r"""
- name: Remove an image
  remove_images:
    names: ["web/api:1"]
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402 - Ansible reads the documentation above first
from ansible.module_utils.engine import EngineError, docker  # noqa: E402


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={"names": {"type": "list", "elements": "str", "required": True}},
        supports_check_mode=True,
    )
    try:
        if not module.check_mode:
            docker("image", "rm", *module.params["names"])
    except EngineError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
