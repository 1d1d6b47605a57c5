#!/usr/bin/python
"""Tell whether a host has an engine that answers, and Compose v2."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_engine
short_description: Tell whether a host has an engine that answers, and Compose v2
description:
  - Asks Docker's command line, whoever installed it, in one round trip.
options: {}
attributes:
  check_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
answers:
  description: Whether there is an engine and it answers.
  type: bool
  returned: always
compose:
  description: Whether the command line has Compose v2.
  type: bool
  returned: always
"""

EXAMPLES = r"""
- name: Look for an engine that answers
  docker_engine:
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402 - Ansible reads the documentation above first
from ansible.module_utils.engine import has_engine, run  # noqa: E402


def has_compose() -> bool:
    """Tell whether `docker compose` is there. It needs no engine to say so."""
    try:
        return bool(run("docker", "compose", "version", "--short").returncode == 0)
    except FileNotFoundError:
        return False


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.exit_json(changed=False, answers=has_engine(), compose=has_compose())


if __name__ == "__main__":
    main()
