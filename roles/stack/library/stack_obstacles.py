#!/usr/bin/python
"""Find what on a host would stop a stack from being started or replaced there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_obstacles
short_description: Find what on a host would stop a stack from being started or replaced there
description:
  - Looks in one round trip, and changes nothing. Without an engine, only the port can be an obstacle.
options:
  host:
    description: What messages call the host.
    type: str
    required: true
  project:
    description: Name of the Compose project.
    type: str
    required: true
  project_dir:
    description: Folder of the stack on the host, for messages.
    type: path
    required: true
  port:
    description: The port that the stack publishes. Nobody but the stack may listen there.
    type: int
    required: true
  bridges:
    description: Name of the bridge that each network has to have. Compose leaves a network as it was made.
    type: dict
    required: true
  data_volume:
    description: Volume of the database. If it is there, O(password_file) has to be as well.
    type: str
    required: true
  password_file:
    description: File with the password that the database was made with. A new one would not open old data.
    type: path
    required: true
attributes:
  check_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
obstacles:
  description: What is in the way and what to do, a sentence each.
  type: list
  elements: str
  returned: always
"""

EXAMPLES = r"""
- name: Look for obstacles
  stack_obstacles:
    host: api.example.org
    project: django
    project_dir: /srv/django/stack
    port: 8080
    bridges: {frontend: br-django-front}
    data_volume: django_postgres-data
    password_file: /srv/django/stack/secrets/postgres_password
"""

import re  # noqa: E402 - Ansible reads the documentation above first
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.engine import run  # noqa: E402

NETWORK = (
    '{{ index .Labels "com.docker.compose.network" }} {{ index .Options "com.docker.network.bridge.name" }}'
)


def said(*words: str) -> str:
    """Return what a program prints; nothing if it is not there.

    Args:
        words: The program and its arguments. If it fails, what it printed before counts.
    """
    try:
        printed: str = run(*words).stdout
    except FileNotFoundError:
        return ""
    return printed


def taken_port(host: str, project: str, port: int) -> str:
    """Say who else listens on the port, if anybody does."""
    ours = ("--filter", f"publish={port}", "--filter", f"label=com.docker.compose.project={project}")
    if said("docker", "ps", "--quiet", *ours).strip():
        return ""
    sockets = said(
        "ss", "--no-header", "--listening", "--tcp", "--numeric", "--processes", f"sport = :{port}"
    )
    if not sockets.strip():
        return ""
    programs = ", ".join(dict.fromkeys(re.findall(r'"([^"]+)"', sockets))) or "another process"
    return f"Port {port} of {host} is taken by {programs}: stop that, or set stack_http_port to a free port."


def other_bridges(host: str, project: str, project_dir: str, bridges: dict[str, str]) -> str:
    """Say which networks of the stack have other bridges, if any: the guard would leave these open."""
    networks = [f"{project}_{name}" for name in bridges]
    # Those that are there are listed, even if others are not.
    found = said("docker", "network", "inspect", "--format", NETWORK, *networks).splitlines()
    wanted = {f"{name} {bridge}" for name, bridge in bridges.items()}
    others = [line for line in found if line.strip() and line not in wanted]
    if not others:
        return ""
    return (
        f"stack_bridges has other bridges than the networks of {host}, which has {', '.join(others)}: put"
        f" these names back, or remove the networks by 'docker compose down' in {project_dir}, which"
        " interrupts the service, and 'docker network rm' for one that is left."
    )


def lost_password(host: str, data_volume: str, password_file: Path) -> str:
    """Say that there is a database without its password, if that is so."""
    if password_file.exists():
        return ""
    volumes = said("docker", "volume", "ls", "--quiet", "--filter", f"name={data_volume}").split()
    if data_volume not in volumes:
        return ""
    return (
        f"{host} has a database (volume {data_volume}) but not its password: put {password_file} back from"
        " your backup, or remove the volume to start empty."
    )


def obstacles(params: dict[str, Any]) -> list[str]:
    """Return what is in the way, a sentence each."""
    host, project = params["host"], params["project"]
    found = [
        taken_port(host, project, params["port"]),
        other_bridges(host, project, params["project_dir"], params["bridges"]),
        lost_password(host, params["data_volume"], Path(params["password_file"])),
    ]
    return [sentence for sentence in found if sentence]


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "required": True},
            "project": {"type": "str", "required": True},
            "project_dir": {"type": "path", "required": True},
            "port": {"type": "int", "required": True},
            "bridges": {"type": "dict", "required": True},
            "data_volume": {"type": "str", "required": True},
            # The file's name, and nothing secret.
            "password_file": {"type": "path", "required": True, "no_log": False},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, obstacles=obstacles(module.params))


if __name__ == "__main__":
    main()
