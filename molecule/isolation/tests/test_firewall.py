"""A firewall is left alone, taken back if it would lock its user out, and gone for good when not wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

import pytest
from attacks import TABLES, are_there, tables, wait_for_tables
from runs import extra
from scenario import PLAYBOOKS
from targets import Target
from waiting import wait_until

RULES = "/etc/django-nftables/firewall.nft"
PORTS = "nft list set inet django_firewall tcp_ports"
# Of a run, what these tests are about: other roles do the same in other scenarios.
TAGS = "--tags=guard,firewall"
# Tells whether ssh's port is open, asked from outside.
OPEN = "import socket; socket.create_connection(('{address}', 22), 2)"


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
