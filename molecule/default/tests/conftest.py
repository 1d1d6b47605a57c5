"""The machines of the scenario, and how the tests ask them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import testinfra
from runs import REPOSITORY, Playbooks, Run, extra
from targets import FILM, PORT, SERVICES, STACK, Answer, Target, wait_until
from testinfra.host import Host

__all__ = [
    "FILM",
    "PORT",
    "REPOSITORY",
    "SERVICES",
    "STACK",
    "Answer",
    "Run",
    "Target",
    "extra",
    "wait_until",
]

INVENTORY = REPOSITORY / "molecule/default/inventory"
ADDRESSES = {"debian12": "10.213.0.12", "debian13": "10.213.0.13"}

deploy = Playbooks(INVENTORY).deploy


def program(name: str) -> str:
    """Return a program of Ansible's, from where these tests have theirs."""
    return str(Path(sys.executable).with_name(name))


def play(playbook: str, *args: str, inventory: Path = INVENTORY) -> Run:
    """Run a playbook to its end, good or bad."""
    return Playbooks(inventory).play(playbook, *args)


def machine(name: str) -> str:
    """Return the name of the container that is this machine."""
    return f"django-molecule-{name}-1"


def connect(name: str) -> Host:
    return testinfra.get_host(f"docker://{machine(name)}")


@pytest.fixture(scope="session")
def outside() -> Host:
    """The machine that has only a network to the hosts."""
    return connect("outside")


@pytest.fixture(scope="session")
def targets(outside: Host) -> dict[str, Target]:
    """Both hosts, for what is done to them at once."""
    return {name: Target(name, address, connect(name), outside) for name, address in ADDRESSES.items()}


@pytest.fixture(params=sorted(ADDRESSES))
def target(request: pytest.FixtureRequest, targets: dict[str, Target]) -> Target:
    """One host: a test that asks for it runs once for each."""
    return targets[request.param]
