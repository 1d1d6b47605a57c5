#!/usr/bin/python
"""Find the tunnel that a host is reached through over ssh."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_tunnel
short_description: Find the tunnel that a host is reached through over ssh, and what has to be open for it
description:
  - Looks at the interface that the connection in use comes in through, and for IPsec, which has none.
  - Knows WireGuard, GRE, IP in IP and IPsec. What other tunnels need can't be seen on the host.
attributes:
  check_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
tunnels:
  description: Names of the interfaces that are tunnels, and C(IPsec).
  type: list
  elements: str
  returned: always
udp_ports:
  description: >-
    UDP ports that the other end sends to, in order. Where C(wg) is not installed, all those that the kernel
    itself listens on: which one is WireGuard's can't be told.
  type: list
  elements: int
  returned: always
protocols:
  description: IP protocols that the other end sends, by name, in order.
  type: list
  elements: str
  returned: always
"""

import json  # noqa: E402 - Ansible reads the documentation above first
import os  # noqa: E402
import re  # noqa: E402
from collections.abc import Callable  # noqa: E402
from functools import partial  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.firewall.connection import Connection, above, in_use  # noqa: E402
from ansible.module_utils.firewall.programs import said_by  # noqa: E402

# Protocols that interfaces send, by their kinds.
KINDS = {
    "gre": "gre",
    "gretap": "gre",
    "ip6gre": "gre",
    "ip6gretap": "gre",
    "ipip": "ipencap",
    "sit": "ipv6",
}
# Of the exchange of keys: without and with a translation of addresses in between.
IPSEC_PORTS = {500, 4500}

# Returns what a program says.
Ask = Callable[..., str]


def listed(text: str) -> list[dict[str, Any]]:
    """Read the output of C(ip -json), which lists things that a filter left out as empty ones."""
    return [found for found in json.loads(text or "[]") if found]


def interfaces(connection: Connection, ask: Ask) -> set[str]:
    """Return the interface that the client's address is routed through, and the one that has the server's.

    They differ where the client asks for an address of another interface than it comes in through.
    """
    _, _, interface = connection.client.partition("%")
    if interface:
        return {interface}
    routes = listed(ask("ip", "-json", "route", "get", connection.client, "from", connection.server))
    owners = listed(ask("ip", "-json", "address", "show", "to", connection.server))
    return {route["dev"] for route in routes} | {owner["ifname"] for owner in owners}


def kind(interface: str, ask: Ask) -> str:
    """Return the kind of an interface; empty for that of a network card."""
    links = listed(ask("ip", "-json", "-details", "link", "show", "dev", interface))
    return str(links[0].get("linkinfo", {}).get("info_kind", "")) if links else ""


def wireguard_ports(interface: str, ask: Ask) -> set[int]:
    """Return the port that WireGuard listens on, or those that it may be."""
    port = ask("wg", "show", interface, "listen-port").strip()
    if port:
        return {int(port)}
    sockets = ask("ss", "--no-header", "--listening", "--udp", "--numeric", "--processes")
    return kernel_ports(sockets)


def kernel_ports(sockets: str) -> set[int]:
    """Return the ports that no process listens on, from the output of C(ss --udp --processes)."""
    ports = set()
    for line in sockets.splitlines():
        address, _, port = line.split()[3].rpartition(":")
        if "users:" not in line and address in ("0.0.0.0", "[::]", "*"):  # noqa: S104 - compared, not bound
            ports.add(int(port))
    return ports


def ipsec_protocols(states: str) -> set[str]:
    """Return the protocols of IPsec in use, from the output of C(ip xfrm state)."""
    return set(re.findall(r"^\s+proto (esp|ah) ", states, re.MULTILINE))


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule({}, supports_check_mode=True)
    ask = partial(said_by, module)
    tunnels: list[str] = []
    udp_ports: set[int] = set()
    protocols: set[str] = set()
    connection = in_use(above(os.getpid()))
    if connection:
        for interface in sorted(interfaces(connection, ask)):
            found = kind(interface, ask)
            if found == "wireguard":
                udp_ports |= wireguard_ports(interface, ask)
            elif found in KINDS:
                protocols.add(KINDS[found])
            else:
                continue
            tunnels.append(interface)
        ipsec = ipsec_protocols(ask("ip", "xfrm", "state", "list", "nokeys"))
        if ipsec:
            tunnels.append("IPsec")
            udp_ports |= IPSEC_PORTS
            protocols |= ipsec
    module.exit_json(changed=False, tunnels=tunnels, udp_ports=sorted(udp_ports), protocols=sorted(protocols))


if __name__ == "__main__":
    main()
