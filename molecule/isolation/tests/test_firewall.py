"""A firewall is left alone, taken back if it would lock its user out, and gone for good when not wanted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from conftest import PLAYBOOKS, TABLES, tables
from runs import extra
from targets import Target, wait_until

RULES = "/etc/django-nftables/firewall.nft"
PORTS = "nft list set inet django_firewall tcp_ports"
# Tells whether ssh's port is open, asked from outside.
OPEN = "import socket; socket.create_connection(('{address}', 22), 2)"


def is_open(target: Target) -> bool:
    return bool(target.outside.run("python3 -c %s", OPEN.format(address=target.address)).succeeded)


def test_a_rerun_has_nothing_to_do(targets: dict[str, Target], say: Callable[[str], None]) -> None:
    run = PLAYBOOKS.deploy()
    say(f"unchanged rerun on both hosts: {run.seconds:.1f} s")
    for name in targets:
        assert run.recap(name)["changed"] == 0, run.output


def test_a_lockout_is_rolled_back(targets: dict[str, Target], say: Callable[[str], None]) -> None:
    target = targets["fresh"]
    before = target.run("cat %s", RULES), target.run(PORTS)
    assert is_open(target)

    run = PLAYBOOKS.play(
        "site.yml",
        "--limit=localhost,fresh",
        "--extra-vars={firewall_ssh_ports: [2222], firewall_rollback_after: 30}",
    )

    assert run.status != 0
    assert "takes no new connection with the new firewall" in re.sub(r"\s+", " ", run.output)
    # The control: it was a real lockout, and the new rules were those that made it.
    assert not is_open(target)
    assert "2222" in target.run(PORTS)
    assert target.run("cat %s", RULES) == before[0]

    started = time.monotonic()
    wait_until("ssh answers again", lambda: is_open(target), 40)
    say(f"lockout: ssh answered again {time.monotonic() - started:.0f} s after the run had failed")
    assert target.run(PORTS) == before[1]


def test_a_firewall_that_is_not_wanted_any_more_stays_away(
    targets: dict[str, Target], say: Callable[[str], None]
) -> None:
    target = targets["fresh"]
    limit, without = "--limit=localhost,fresh", extra(firewall_enabled=False)
    # The control: while its rules are there, the watcher brings the table back, though the unit is stopped.
    target.run("systemctl stop django-firewall")
    wait_until("the table is back", lambda: tables(target) == TABLES, 3)

    try:
        PLAYBOOKS.killed_at("Remove its units", limit, without)
        run = PLAYBOOKS.deploy(limit, without)
        say(f"firewall removed, by the run after a killed one: {run.seconds:.1f} s")
        assert tables(target) == TABLES - {"inet django_firewall"}
        with pytest.raises(AssertionError, match="not within"):
            wait_until("the table is back", lambda: tables(target) == TABLES, 8)
        assert target.run("systemctl is-active django-guard-watch") == "active"
        assert not target.run("find %s /etc/systemd/system -name '*firewall*'", RULES.rpartition("/")[0])
        assert PLAYBOOKS.deploy(limit, without).recap("fresh")["changed"] == 0
    finally:
        PLAYBOOKS.deploy(limit)
    assert tables(target) == TABLES
    assert target.run("systemctl is-active django-firewall") == "active"
