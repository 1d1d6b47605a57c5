#!/usr/bin/python
"""Find the packages of programs that a host lacks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: missing_packages
short_description: Find the packages of programs that a host lacks
description:
  - A program that runs is there, whatever package it comes from. If the package is the one that it would be
    installed from, dpkg must not have stopped half-way.
options:
  programs:
    description: Packages by a command of theirs that does nothing, such as one that prints a version.
    type: dict
    required: true
attributes:
  check_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
names:
  description: Packages whose command is not there, or fails, or that dpkg has not installed to the end.
  type: list
  elements: str
  returned: success
"""

EXAMPLES = r"""
- name: Look for nftables
  missing_packages:
    programs: {"nft --version": nftables}
"""

import os  # noqa: E402 - Ansible reads the documentation above first
import shlex  # noqa: E402
import subprocess  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

# A user who became root may lack these, in which system programs are.
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


def runs(command: str) -> bool:
    """Tell whether a program is there and does what a command asks for."""
    environment = os.environ | {"PATH": f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PATH}"}
    try:
        result = subprocess.run(  # noqa: S603 - no shell
            shlex.split(command), env=environment, capture_output=True, check=False
        )
    except OSError:
        return False
    return result.returncode == 0


def half_installed(packages: list[str]) -> set[str]:
    """Return those packages that dpkg has begun and not ended to install."""
    command = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages]
    # Packages that dpkg has never heard of are an error, and are not in the output.
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - no shell
    states = dict(line.split() for line in said.splitlines())
    ended = ("installed", "not-installed", "config-files")
    return {package for package, state in states.items() if state not in ended}


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={"programs": {"type": "dict", "required": True}}, supports_check_mode=True
    )
    programs = module.params["programs"]
    half = half_installed(list(programs.values()))
    names = [package for command, package in programs.items() if package in half or not runs(command)]
    module.exit_json(changed=False, names=names)


if __name__ == "__main__":
    main()
