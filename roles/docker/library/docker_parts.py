#!/usr/bin/python
"""Look for Docker's engine and for Compose."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_parts
short_description: Look for Docker's engine and for Compose, whatever packages they come from
options: {}
attributes:
  check_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
answers:
  description: Whether an engine answers.
  type: bool
  returned: always
installed:
  description: >-
    Whether the engine, its client and iptables are installed to the end, so that the engine need only be started.
  type: bool
  returned: always
compose:
  description: Whether there is Compose v2.
  type: bool
  returned: always
"""

EXAMPLES = r"""
- name: Look for an engine
  docker_parts:
"""

import os  # noqa: E402 - Ansible reads the documentation above first
import shutil  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.engine import has_engine, run  # noqa: E402

# Without iptables no engine starts.
PROGRAMS = ("dockerd", "docker", "iptables")
# A user who became root may lack these, in which system programs are.
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


def is_installed() -> bool:
    """Tell whether all programs are there, and dpkg has stopped nowhere half-way."""
    path = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PATH}"
    return all(shutil.which(program, path=path) for program in PROGRAMS) and not run("dpkg", "--audit").stdout


def has_compose() -> bool:
    return bool(shutil.which("docker")) and run("docker", "compose", "version").returncode == 0


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    answers = has_engine()
    module.exit_json(
        changed=False, answers=answers, installed=answers or is_installed(), compose=has_compose()
    )


if __name__ == "__main__":
    main()
