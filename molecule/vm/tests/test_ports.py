"""What the machine offers to the network: ssh and the API, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ports import INSIDE_PORTS, listener, open_ports, scan, words
from targets import PORT, Target

OPEN = {22, PORT}
PORTS = f"inet django_firewall tcp_ports {{ {', '.join(words(INSIDE_PORTS))} }}"


@pytest.fixture
def inside_ports_open(target: Target) -> Iterator[None]:
    """Have something listen where gunicorn and PostgreSQL would, let in by the firewall."""
    with listener(target):
        target.run(f"nft add element {PORTS}")
        yield
        target.run(f"nft delete element {PORTS}")


def test_only_ssh_and_the_api_are_open(target: Target) -> None:
    assert open_ports(target) == OPEN


@pytest.mark.usefixtures("inside_ports_open")
def test_the_scan_finds_an_open_port(target: Target) -> None:
    assert open_ports(target) == OPEN | INSIDE_PORTS


def test_gunicorn_and_postgresql_are_refused(target: Target) -> None:
    assert scan(target, ",".join(words(INSIDE_PORTS))) == dict.fromkeys(INSIDE_PORTS, "closed")
