"""A host whose way out counts as a bridge of Docker's is refused, whichever protocol leads there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from runs import Playbooks

PLAYBOOK = """
- name: Check the guard
  hosts: all
  gather_facts: false
  environment:
    PATH: "{{ programs }}:/usr/bin:/bin"
    IPV4: "{{ ipv4 }}"
    IPV6: "{{ ipv6 }}"
  tasks:
    - name: Check
      ansible.builtin.import_role:
        name: guard
        tasks_from: preflight
"""
# Prints the routes of the version that it is asked for: without one, that is IPv4. A kernel may know no IPv6.
IP = """#!/bin/sh
case "$*" in
    "-json -6 route show default") [ "$IPV6" != none ] && echo "$IPV6" ;;
    "-json route show default" | "-json -4 route show default") echo "$IPV4" ;;
    *) exit 255 ;;
esac
"""


def route(*interfaces: str) -> str:
    """Return the default routes by which a host leaves through interfaces."""
    return json.dumps([{"dst": "default", "gateway": "2001:db8::1", "dev": name} for name in interfaces])


# Two ways that share the load have one route.
SHARED = json.dumps([{"dst": "default", "nexthops": [{"dev": "eth0"}, {"dev": "br-wan"}]}])
# By host: its routes, and the interfaces that it is refused for.
CASES = {
    "usual": (route("eth0"), route("eth0"), ""),
    "bridge": (route("br-lan"), route(), "br-lan"),
    "bridge_of_ipv6_alone": (route(), route("br-lan"), "br-lan"),
    "bridge_of_each": (route("eth0", "br-lan"), route("br-wan", "br-lan"), "br-lan, br-wan"),
    "shared": (SHARED, "", "br-wan"),
    "shared_by_ipv6": (route("eth0"), SHARED, "br-wan"),
    "without_ipv6": (route("eth0"), "none", ""),
    "without_a_way_out": ("", "", ""),
}


def test_a_way_out_that_counts_as_a_bridge_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ip").write_text(IP)
    (tmp_path / "ip").chmod(0o755)
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    hosts = {name: {"ipv4": ipv4, "ipv6": ipv6} for name, (ipv4, ipv6, _) in CASES.items()}
    common = {"ansible_connection": "local", "programs": str(tmp_path)}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": common}}))

    run = Playbooks(tmp_path / "hosts.json").play(str(tmp_path / "play.yml"))

    said = dict(re.findall(r"(\w+) is reached through ([\w, -]+), which guard_bridges takes", run.one_line))
    assert said == {name: interfaces for name, (_, _, interfaces) in CASES.items() if interfaces}, run.output
    for name, (_, _, interfaces) in CASES.items():
        assert run.recap(name)["failed"] == bool(interfaces)
