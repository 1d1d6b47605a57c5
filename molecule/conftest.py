"""What the tests of all scenarios are given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scenario import ADDRESSES, connect
from targets import Target
from testinfra.host import Host

_said = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_said] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures that were noted, whether the tests passed or not."""
    if config.stash[_said]:
        terminalreporter.section("measured")
    for line in config.stash[_said]:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a figure for the end of the report: no test depends on one."""
    return request.config.stash[_said].append


@pytest.fixture(scope="session")
def outside() -> Host:
    """The machine that has a network to the hosts and nothing else."""
    return connect("outside")


@pytest.fixture(scope="session")
def targets(outside: Host) -> dict[str, Target]:
    """All hosts, for what is done to them at once."""
    return {name: Target(name, address, connect(name), outside) for name, address in ADDRESSES.items()}


@pytest.fixture(params=ADDRESSES)
def target(request: pytest.FixtureRequest, targets: dict[str, Target]) -> Target:
    """One host: a test that asks for it runs once for each."""
    return targets[request.param]
