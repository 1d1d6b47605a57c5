"""Which ports of a host are open, as another machine finds them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from targets import Target
from waiting import wait_until

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


def words(ports: Iterable[int]) -> list[str]:
    return [str(port) for port in sorted(ports)]


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


def open_ports(target: Target, ports: str = ALL_PORTS) -> set[int]:
    return {port for port, state in scan(target, ports).items() if state == "open"}


def listening(target: Target) -> set[int]:
    """Return the ports that something on the host listens on."""
    return {int(line.split()[3].rsplit(":", 1)[1]) for line in target.run("ss -Hltn").splitlines()}


@contextmanager
def listener(target: Target) -> Iterator[None]:
    """Have something on the host listen where gunicorn and PostgreSQL would."""
    unit = "molecule-listener"
    target.run(
        f"systemd-run --quiet --collect --unit={unit} python3 -c %s %s %s", LISTENER, *words(INSIDE_PORTS)
    )
    wait_until("the listener listens", lambda: listening(target) >= INSIDE_PORTS)
    yield
    target.run(f"systemctl stop {unit}")
