"""What a client finds open: the port of nginx and nothing else."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

import pytest
from conftest import PORT, Target, wait_until

ALL_PORTS = "1-65535"
INSIDE_PORTS = {9000, 5432}  # gunicorn and PostgreSQL

# Takes connections on the ports that it is given.
LISTENER = """
import selectors, socket, sys
sockets = selectors.DefaultSelector()
for port in sys.argv[1:]:
    sockets.register(socket.create_server(("", int(port))), selectors.EVENT_READ)
while True:
    for key, _ in sockets.select():
        key.fileobj.accept()[0].close()
"""


def scan(target: Target, ports: str) -> dict[int, str]:
    """Return the state of each port that nmap names: of many ports, the open ones alone."""
    report = target.outside.check_output(
        "nmap -n -Pn -sS -T4 --min-rate 4000 --max-retries 3 -oX - -p %s %s", ports, target.address
    )
    return {
        int(port.attrib["portid"]): state.attrib["state"]
        for port in ElementTree.fromstring(report).iter("port")
        for state in port.iter("state")
    }


def open_ports(target: Target, ports: str) -> set[int]:
    return {port for port, state in scan(target, ports).items() if state == "open"}


@pytest.fixture
def listener(target: Target) -> Iterator[None]:
    """Something on the host that listens where gunicorn and PostgreSQL would."""
    unit = "molecule-listener"
    target.run(
        f"systemd-run --quiet --collect --unit={unit} python3 -c %s %s %s",
        LISTENER,
        *(str(port) for port in sorted(INSIDE_PORTS)),
    )
    wait_until("the listener listens", lambda: len(INSIDE_PORTS & listening(target)) == len(INSIDE_PORTS))
    yield
    target.run(f"systemctl stop {unit}")


def listening(target: Target) -> set[int]:
    return {int(line.split()[3].rsplit(":", 1)[1]) for line in target.run("ss -Hltn").splitlines()}


def test_only_nginx_is_open(target: Target) -> None:
    assert open_ports(target, ALL_PORTS) == {PORT}


def test_gunicorn_and_postgresql_are_refused(target: Target) -> None:
    states = scan(target, ",".join(str(port) for port in sorted(INSIDE_PORTS)))
    assert states == dict.fromkeys(INSIDE_PORTS, "closed")


def test_the_scanner_would_have_found_them(target: Target, listener: None) -> None:
    assert open_ports(target, ALL_PORTS) == {PORT} | INSIDE_PORTS
