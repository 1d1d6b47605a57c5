"""A firewall that is there is left alone, and one that would lock its user out takes itself back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from conftest import PLAYBOOKS
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
