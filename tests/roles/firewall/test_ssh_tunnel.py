"""What has to be open for a tunnel is found for the connection in use, and for no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ssh_tunnel
from ansible.module_utils.testing import patch_module_args
from documented import assert_as_documented
from ssh_tunnel import ipsec_protocols, kernel_ports, listed

SOCKETS = """\
UNCONN 0      0            0.0.0.0:68         0.0.0.0:*    users:(("dhclient",pid=500,fd=6))
UNCONN 0      0            0.0.0.0:51820      0.0.0.0:*
UNCONN 0      0          127.0.0.1:323        0.0.0.0:*
UNCONN 0      0               [::]:51820         [::]:*
UNCONN 0      0                  *:4789             *:*
"""
STATES = """\
src 192.0.2.1 dst 192.0.2.7
	proto esp spi 0xc2a7f3b1 reqid 1 mode tunnel
	replay-window 32 flag af-unspec
	encap type espinudp sport 4500 dport 4500 addr 0.0.0.0
src 192.0.2.7 dst 192.0.2.1
	proto ah spi 0xc2a7f3b2 reqid 1 mode tunnel
"""
NOTHING: dict[str, Any] = {"tunnels": [], "udp_ports": [], "protocols": []}

# Asks the module on a host: by the connection in use, the kinds of its interfaces, and what programs do.
Found = Callable[..., dict[str, Any]]


def test_kernels_own_ports_have_no_process() -> None:
    assert kernel_ports(SOCKETS) == {51820, 4789}
    assert kernel_ports("") == set()


def test_protocols_of_ipsec_are_read() -> None:
    assert ipsec_protocols(STATES) == {"esp", "ah"}
    assert ipsec_protocols("") == set()


def test_empty_things_are_left_out_of_lists() -> None:
    assert listed('[{}, {"ifname": "wg0"}, {}]') == [{"ifname": "wg0"}]
    assert listed("") == []


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Found:
    """Run the module on a host that has 10.8.0.1 on wg0 and 10.8.0.2 behind it, and all else on eth0."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def found(connection: str, kinds: dict[str, str], **programs: str) -> dict[str, Any]:
        environment = f"SSH_CONNECTION={connection}".encode()
        monkeypatch.setattr("ssh_tunnel.above", lambda _pid: iter([environment]))
        links = "\n".join(
            f"""'-json -details link show dev {dev}') echo '[{{"linkinfo": {{"info_kind": "{kind}"}}}}]' ;;"""
            for dev, kind in kinds.items()
        )
        ip = f"""case "$*" in
            '-json route get 10.8.0.2 from '*) echo '[{{"dst": "10.8.0.2", "dev": "wg0"}}]' ;;
            '-json route get fe80::'*) exit 2 ;;
            '-json route get '*) echo '[{{"dev": "eth0"}}]' ;;
            '-json address show to 10.8.0.1') echo '[{{}}, {{"ifname": "wg0"}}]' ;;
            '-json address show to '*) echo '[{{}}, {{"ifname": "eth0"}}]' ;;
            {links}
            '-json -details link show dev '*) echo '[{{"ifname": "eth0"}}]' ;;
            'xfrm state list nokeys') cat <<'END'\n{programs.pop("states", "")}\nEND
                ;;
            *) exit 1 ;;
        esac"""
        for name, text in {"ip": ip, **programs}.items():
            (tmp_path / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{text}\n")
            (tmp_path / name).chmod(0o755)
        with patch_module_args({}), pytest.raises(SystemExit):
            ssh_tunnel.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert result.pop("changed") is False
        result.pop("invocation", None)
        return result

    return found


WG = '[ "$*" = "show wg0 listen-port" ] && echo 51821'
SS = f"""[ "$*" = "--no-header --listening --udp --numeric --processes" ] && cat <<'END'\n{SOCKETS}END"""


@pytest.mark.parametrize(
    "connection",
    [
        "10.8.0.2 51000 10.8.0.1 22",
        # For an address of another interface, and by an answer that goes another way.
        "10.8.0.2 51000 203.0.113.1 22",
        "10.9.0.2 51000 10.8.0.1 22",
    ],
)
def test_wireguard_tells_its_port(found: Found, connection: str) -> None:
    through = {"tunnels": ["wg0"], "udp_ports": [51821], "protocols": []}
    assert found(connection, {"wg0": "wireguard"}, wg=WG, ss=SS) == through


def test_without_wg_it_is_one_of_the_kernels_ports(found: Found) -> None:
    through = {"tunnels": ["wg0"], "udp_ports": [4789, 51820], "protocols": []}
    assert found("10.8.0.2 51000 10.8.0.1 22", {"wg0": "wireguard"}, ss=SS) == through


def test_a_link_local_address_names_its_interface(found: Found) -> None:
    kinds = {"wg1": "wireguard"}
    through = {"tunnels": ["wg1"], "udp_ports": [7], "protocols": []}
    assert found("fe80::2%wg1 51000 fe80::1%wg1 22", kinds, wg="echo 7") == through


@pytest.mark.parametrize(
    ("kind", "protocol"), [("gre", "gre"), ("ip6gretap", "gre"), ("ipip", "ipencap"), ("sit", "ipv6")]
)
def test_other_tunnels_have_a_protocol(found: Found, kind: str, protocol: str) -> None:
    through = {"tunnels": ["wg0"], "udp_ports": [], "protocols": [protocol]}
    assert found("10.8.0.2 51000 10.8.0.1 22", {"wg0": kind}, wg=WG) == through


def test_ipsec_has_no_interface(found: Found) -> None:
    through = {"tunnels": ["IPsec"], "udp_ports": [500, 4500], "protocols": ["ah", "esp"]}
    assert found("198.51.100.7 51000 203.0.113.1 22", {}, states=STATES) == through


def test_a_tunnel_that_ssh_does_not_use_is_not_asked_for(found: Found) -> None:
    assert found("198.51.100.7 51000 203.0.113.1 22", {"wg0": "wireguard"}, wg=WG) == NOTHING
    # The control: another kind of interface, where a tunnel is found.
    assert found("10.8.0.2 51000 10.8.0.1 22", {"wg0": "bridge"}, wg=WG) == NOTHING


def test_another_connection_than_ssh_has_no_tunnel(found: Found) -> None:
    assert found("", {"wg0": "wireguard"}, wg=WG, states=STATES) == NOTHING


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(ssh_tunnel)
