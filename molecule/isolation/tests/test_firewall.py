"""A firewall is left alone, taken back if it would lock its user out, and gone for good when not wanted."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

import pytest
from attacks import (
    ADDRESSES6,
    TABLES,
    are_there,
    heard,
    put_canary_on_host,
    tables,
    wait_for_tables,
)
from runs import REPOSITORY, extra
from scenario import PLAYBOOKS
from targets import Target
from waiting import wait_until

RULES = "/etc/django-nftables/firewall.nft"
PORTS = "nft list set inet django_firewall tcp_ports"
# Of a run, what these tests are about: other roles do the same in other scenarios.
TAGS = "--tags=guard,firewall"
# Tells whether ssh's port is open, asked from outside.
OPEN = "import socket; socket.create_connection(('{address}', 22), 2)"

# Notes what arrives by a protocol that is for experiments.
LISTENER = """
import selectors, socket
sockets = selectors.DefaultSelector()
for family in (socket.AF_INET, socket.AF_INET6):
    sockets.register(socket.socket(family, socket.SOCK_RAW, 253), selectors.EVENT_READ)
print("listening", flush=True)
while True:
    for key, _ in sockets.select():
        print(key.fileobj.recv(1024).decode(errors="replace"), flush=True)
"""
# Sends a word to addresses, by UDP and by that protocol.
SENDER = """
import socket, sys
word, *addresses = sys.argv[1:]
for address in addresses:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for name, kind, protocol, port in (("udp", socket.SOCK_DGRAM, 0, 9000), ("253", socket.SOCK_RAW, 253, 0)):
        with socket.socket(family, kind, protocol) as sender:
            sender.sendto(f"[{word}] by {name} to {address};".encode(), (address, port))
"""
# A port that a session forwards.
FORWARDED = 7777


@dataclass(frozen=True)
class Door:
    """Whether ssh's port takes connections, and whether the firewall's rules name another port than ssh's."""

    open: bool
    other: bool


def door(target: Target) -> Door:
    is_open = target.outside.run("python3 -c %s", OPEN.format(address=target.address)).succeeded
    return Door(is_open, "2222" in target.run(PORTS))


@contextmanager
def watched(target: Target) -> Iterator[list[Door]]:
    """Look at the door without a break; what this gives gets an entry at each change."""
    seen, over = [door(target)], Event()

    def watch() -> None:
        while not over.is_set():
            now = door(target)
            if now != seen[-1]:
                seen.append(now)

    with ThreadPoolExecutor() as pool:
        watching = pool.submit(watch)
        try:
            yield seen
        finally:
            over.set()
        watching.result()


def test_a_rerun_has_nothing_to_do(targets: dict[str, Target], say: Callable[[str], None]) -> None:
    run = PLAYBOOKS.deploy(TAGS)
    say(f"unchanged rerun on both hosts: {run.seconds:.1f} s")
    for name in targets:
        assert run.recap(name)["changed"] == 0, run.output


def test_a_lockout_is_rolled_back(targets: dict[str, Target]) -> None:
    target = targets["fresh"]
    before = target.run("cat %s", RULES), target.run(PORTS)
    ours = Door(open=True, other=False)
    with watched(target) as seen:
        run = PLAYBOOKS.play(
            "site.yml",
            TAGS,
            "--limit=localhost,fresh",
            "--extra-vars={firewall_ssh_ports: [2222], firewall_rollback_after: 30}",
        )
        wait_until("ssh answers again", lambda: len(seen) > 1 and seen[-1] == ours)

    assert run.status != 0
    assert "takes no new connection with the new firewall" in run.one_line
    # The control: it was a real lockout, and the new rules were those that made it.
    assert seen[0] == ours
    assert Door(open=False, other=True) in seen
    assert (target.run("cat %s", RULES), target.run(PORTS)) == before


@pytest.fixture
def listener(targets: dict[str, Target]) -> Iterator[Target]:
    """A host that notes what comes to its UDP port 9000 and by the protocol 253."""
    target = targets["fresh"]
    put_canary_on_host(target)
    target.run(
        "systemd-run --quiet --collect --unit=isolation-listener "
        "--property=StandardOutput=append:/run/isolation-listener.log python3 -uc %s",
        LISTENER,
    )
    wait_until("it listens", lambda: "listening" in target.run("cat /run/isolation-listener.log"))
    yield target
    target.run("systemctl stop isolation-listener")


def send(target: Target, word: str) -> None:
    target.outside.check_output(
        "python3 -c %s %s %s %s", SENDER, word, target.address, ADDRESSES6[target.name]
    )


def arrived(target: Target, word: str) -> set[tuple[str, str]]:
    """Return the ways that a word has come in, and the addresses that it was sent to."""
    text = heard(target) + target.run("cat /run/isolation-listener.log")
    return set(re.findall(re.escape(f"[{word}]") + r" by (\w+) to ([^;]+);", text))


def test_udp_and_other_protocols_come_in_when_they_are_named(listener: Target) -> None:
    addresses = (listener.address, ADDRESSES6[listener.name])
    everything = {(way, address) for way in ("udp", "253") for address in addresses}
    limit = "--limit=localhost,fresh"

    def all_arrive() -> bool:
        # Again each time, as one may get lost.
        send(listener, "open")
        return arrived(listener, "open") == everything

    send(listener, "closed")
    try:
        PLAYBOOKS.deploy(TAGS, limit, extra(firewall_udp_ports=[9000], firewall_protocols=[253]))
        wait_until("all arrive", all_arrive)
    finally:
        PLAYBOOKS.deploy(TAGS, limit)
    # Sent before those that have arrived by the same ways.
    assert arrived(listener, "closed") == set()


@pytest.fixture
def session(targets: dict[str, Target]) -> Iterator[Target]:
    """A host with Debian 12, and with a session that forwards one of its ports."""
    target = targets["forwarding"]
    keys = REPOSITORY / ".cache/isolation"
    command = [
        "ssh",
        "-N",
        "-i",
        str(keys / "id_ed25519"),
        "-o",
        f"UserKnownHostsFile={keys / 'known_hosts'}",
    ]
    command += [
        "-o",
        "ExitOnForwardFailure=yes",
        "-R",
        f"{FORWARDED}:127.0.0.1:9",
        f"deploy@{target.address}",
    ]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            wait_until("a port is forwarded", lambda: bool(listeners(target)))
            yield target
        finally:
            process.terminate()


def listeners(target: Target) -> str:
    return target.run(f"ss -Hltnp 'sport = :{FORWARDED}'")


def test_a_port_that_a_session_forwards_stays_closed(session: Target) -> None:
    # The control: it would be taken for ssh's by its name.
    assert '"sshd"' in listeners(session)
    run = PLAYBOOKS.deploy(TAGS, "--limit=localhost,forwarding")
    assert '"sshd"' in listeners(session)
    assert run.recap("forwarding")["changed"] == 0
    assert str(FORWARDED) not in session.run(PORTS)


def test_a_firewall_that_is_not_wanted_any_more_stays_away(
    targets: dict[str, Target], say: Callable[[str], None]
) -> None:
    target = targets["fresh"]
    limit, without = "--limit=localhost,fresh", extra(firewall_enabled=False)
    # The control: while its rules are there, the watcher brings the table back, though the unit is stopped.
    target.run("systemctl stop django-firewall")
    wait_for_tables(target)

    try:
        PLAYBOOKS.killed_at("Remove the firewall's units", TAGS, limit, without)
        run = PLAYBOOKS.deploy(TAGS, limit, without)
        say(f"firewall removed, by the run after a killed one: {run.seconds:.1f} s")
        assert tables(target) == TABLES - {"inet django_firewall"}
        with pytest.raises(AssertionError, match="not within"):
            wait_until("the table is back", lambda: are_there(target), 8)
        assert target.run("systemctl is-active django-guard-watch") == "active"
        assert not target.run("find %s /etc/systemd/system -name '*firewall*'", RULES.rpartition("/")[0])
    finally:
        PLAYBOOKS.deploy(TAGS, limit)
    assert tables(target) == TABLES
    assert target.run("systemctl is-active django-firewall") == "active"
