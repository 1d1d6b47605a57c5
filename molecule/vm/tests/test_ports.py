"""What the machine offers to the network: ssh and the API, and nothing else."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator

import pytest
from conftest import ADDRESS
from testinfra.host import Host


def open_ports() -> set[int]:
    """Try all 65,535 TCP ports from outside."""
    report = subprocess.run(
        ["nmap", "-sT", "-Pn", "-n", "-p1-65535", "--open", "--min-rate=500", "-oG", "-", ADDRESS],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return {int(port) for port in re.findall(r"(\d+)/open/", report)}


@pytest.fixture
def listener_on_9000(host: Host) -> Iterator[None]:
    """Something that listens where gunicorn would, let in by the firewall."""
    unit = "scanned-listener"
    host.check_output("systemd-run --quiet --unit=%s python3 -m http.server 9000", unit)
    host.check_output(
        "timeout 60 sh -c %s", "until ss --no-header -ltn 'sport = :9000' | grep -q .; do sleep 1; done"
    )
    host.check_output("nft add element inet django_firewall tcp_ports { 9000 }")
    yield
    host.check_output("nft delete element inet django_firewall tcp_ports { 9000 }")
    host.check_output("systemctl stop %s", unit)


def test_only_ssh_and_the_api_are_open() -> None:
    assert open_ports() == {22, 8080}


@pytest.mark.usefixtures("listener_on_9000")
def test_the_scan_finds_an_open_port() -> None:
    assert open_ports() == {22, 8080, 9000}


@pytest.mark.parametrize("port", [9000, 5432])
def test_gunicorn_and_postgresql_refuse(port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((ADDRESS, port), timeout=30)
