#!/usr/bin/python
"""Find the ports that a host is reached at over ssh."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_ports
short_description: Find the ports that a host is reached at over ssh
description:
  - Those that sshd listens on, itself or through a socket of systemd's; those of its configuration; and the
    one that the connection in use has come in at. Not those that a session forwards.
attributes:
  check_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
ports:
  description: The ports, in order.
  type: list
  elements: int
  returned: always
"""

import os  # noqa: E402 - Ansible reads the documentation above first
import re  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402


def is_daemon(pid: int, proc: Path = Path("/proc")) -> bool:
    """Tell whether a process that is called sshd takes connections for ssh.

    The sshd of a session is called the same on Debian 12, and listens on ports that its user forwards. It shows the
    user instead of the program's path: C(sshd: deploy@pts/0) instead of C(sshd: /usr/sbin/sshd -D [listener] …).
    Its parent does not tell: there is none left once sshd was restarted, or where systemd has started it itself.
    """
    try:
        title = (proc / str(pid) / "cmdline").read_bytes()
        status = (proc / str(pid) / "status").read_text()
    except OSError:
        return False
    # Anybody may call a program sshd.
    return title.startswith((b"/", b"sshd: /")) and re.search(r"^Uid:\t0\t", status, re.MULTILINE) is not None


def listening(sockets: str, proc: Path = Path("/proc")) -> set[int]:
    """Read the ports of the daemon from the output of C(ss --listening --tcp --numeric --processes)."""
    ports = set()
    for line in sockets.splitlines():
        if any(is_daemon(int(pid), proc) for pid in re.findall(r'[(,]\("sshd",pid=(\d+),', line)):
            address = line.split()[3]
            ports.add(int(address.rpartition(":")[2]))
    return ports


def activating(listens: str) -> set[int]:
    """Read the ports of sockets from the output of C(systemctl show --property=Listen)."""
    return {int(port) for port in re.findall(r"^Listen=\S*?:?(\d+) \(Stream\)$", listens, re.MULTILINE)}


def configured(settings: str) -> set[int]:
    """Read the ports from the output of C(sshd -T)."""
    ports = re.findall(r"^port (\d+)$", settings, re.MULTILINE)
    return {int(port) for port in ports + re.findall(r"^listenaddress \S+:(\d+)$", settings, re.MULTILINE)}


def in_use(environments: Iterator[bytes]) -> set[int]:
    """Read the port that a connection has come in at from the nearest environment that tells."""
    for environment in environments:
        found = re.search(rb"(?:^|\0)SSH_CONNECTION=\S+ \d+ \S+ (\d+)(?:\0|$)", environment)
        if found:
            return {int(found[1])}
    return set()


def above(pid: int, proc: Path = Path("/proc")) -> Iterator[bytes]:
    """Yield the environment of a process and of each above it: sudo takes the connection out of it."""
    while pid > 1:
        try:
            yield (proc / str(pid) / "environ").read_bytes()
            status = (proc / str(pid) / "stat").read_text()
        except OSError:
            return
        # "4711 (any name) S 4700 ...": the parent's number comes after the name and the state.
        pid = int(status.rpartition(")")[2].split()[1])


def main() -> None:
    module = AnsibleModule({}, supports_check_mode=True)

    def said_by(*command: str) -> str:
        """Return what a command says; nothing if it is not there or fails."""
        program = module.get_bin_path(command[0])
        if not program:
            return ""
        status, output, _ = module.run_command([program, *command[1:]])
        return str(output) if status == 0 else ""

    sockets = said_by("ss", "--no-header", "--listening", "--tcp", "--numeric", "--processes")
    ports = listening(sockets) | in_use(above(os.getpid()))
    if said_by("systemctl", "is-active", "ssh.socket"):
        ports |= activating(said_by("systemctl", "show", "--property=Listen", "ssh.socket"))
    ports |= configured(said_by("sshd", "-T"))
    module.exit_json(changed=False, ports=sorted(ports))


if __name__ == "__main__":
    main()
