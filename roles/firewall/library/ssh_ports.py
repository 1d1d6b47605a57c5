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
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.firewall.connection import above, in_use  # noqa: E402
from ansible.module_utils.firewall.programs import said_by  # noqa: E402


def is_daemon(pid: int, proc: Path = Path("/proc")) -> bool:
    """Tell whether a process that is called sshd takes connections for ssh.

    The sshd of a session is called the same on Debian 12, and listens on ports that its user forwards. It
    shows the user, C(sshd: deploy@pts/0), and not the program, C(sshd: /usr/sbin/sshd -D [listener] …). Its
    parent does not tell: there is none left once sshd was restarted, or where systemd has started it.
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


def main() -> None:
    module = AnsibleModule({}, supports_check_mode=True)
    ask = partial(said_by, module)
    sockets = ask("ss", "--no-header", "--listening", "--tcp", "--numeric", "--processes")
    ports = listening(sockets)
    connection = in_use(above(os.getpid()))
    if connection:
        ports.add(connection.port)
    if ask("systemctl", "is-active", "ssh.socket"):
        ports |= activating(ask("systemctl", "show", "--property=Listen", "ssh.socket"))
    ports |= configured(ask("sshd", "-T"))
    module.exit_json(changed=False, ports=sorted(ports))


if __name__ == "__main__":
    main()
