"""What the firewall would get wrong is refused before anything is changed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from runs import Playbooks

PLAYBOOK = """
- name: Check the firewall
  hosts: all
  gather_facts: false
  environment:
    PATH: "{{ programs }}:/usr/bin:/bin"
    SSH_CONNECTION: "{{ client }} 51000 10.8.0.1 22"
  tasks:
    - name: Have systemd
      ansible.builtin.set_fact:
        service_mgr: systemd
        cacheable: true

    - name: Check
      ansible.builtin.import_role:
        name: firewall
        tasks_from: preflight
"""
# Of a host that has WireGuard and IPsec.
IP = """#!/bin/sh
case "$*" in
    "-json route get 10.8.0.2 "*) echo '[{"dev": "wg0"}]' ;;
    "-json route get "*) echo '[{"dev": "eth0"}]' ;;
    "-json -details link show dev wg0") echo '[{"linkinfo": {"info_kind": "wireguard"}}]' ;;
    "xfrm state list nokeys") echo "	proto esp spi 0x1 reqid 1 mode tunnel" ;;
esac
"""
WG = "#!/bin/sh\necho 51820\n"

TUNNEL = "is reached through a tunnel (wg0, IPsec) that the firewall would close: add "
ALL = {"firewall_udp_ports": [500, 4500, 51820], "firewall_protocols": ["esp"]}
# By host: the settings, and what is said of them; nothing if they are right.
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "closed": ({}, TUNNEL + "500, 4500, 51820 to firewall_udp_ports and esp to firewall_protocols."),
    "a_port_closed": (ALL | {"firewall_udp_ports": [500, 4500]}, TUNNEL + "51820 to firewall_udp_ports."),
    "a_protocol_closed": (ALL | {"firewall_protocols": ["gre", 51]}, TUNNEL + "esp to firewall_protocols."),
    "open": (ALL, ""),
    "open_by_number": (ALL | {"firewall_protocols": [50]}, ""),
    "ipsec_alone": (
        {"client": "198.51.100.7"},
        "is reached through a tunnel (IPsec) that the firewall would close: "
        "add 500, 4500 to firewall_udp_ports and esp to firewall_protocols.",
    ),
    "without_firewall": ({"firewall_enabled": False}, ""),
    "no_port": (
        ALL | {"firewall_udp_ports": [0, 53, 65536]},
        "firewall_ssh_ports, firewall_tcp_ports, firewall_udp_ports: 0, 65536 is no port, choose 1 to 65535.",
    ),
    "no_protocol": (
        ALL | {"firewall_protocols": ["tcp", 6, 17, 256, "50", "esp", 0, 255]},
        "firewall_protocols has tcp, 6, 17, 256, 50: choose from igmp, ipencap, ipv6, gre, esp, ah,",
    ),
}


def test_what_is_wrong_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for program, text in {"ip": IP, "wg": WG}.items():
        (tmp_path / program).write_text(text)
        (tmp_path / program).chmod(0o755)
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    common = {
        # Local, and not known as such: a firewall could not be proven over it.
        "ansible_connection": "ansible.builtin.local",
        "firewall_enabled": True,
        "programs": str(tmp_path),
        "client": "10.8.0.2",
    }
    hosts = {name: settings for name, (settings, _) in CASES.items()}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": common}}))

    run = Playbooks(tmp_path / "hosts.json").play(str(tmp_path / "play.yml"))

    said = dict(
        re.findall(r"fatal: \[(\w+)\]: FAILED! => (.*?)(?=fatal: |TASK |PLAY |\w+: \[)", run.one_line)
    )
    assert set(said) == {name for name, (_, message) in CASES.items() if message}, run.output
    for name, words in said.items():
        assert CASES[name][1] in words
    for name in CASES:
        assert run.recap(name)["changed"] == 0
