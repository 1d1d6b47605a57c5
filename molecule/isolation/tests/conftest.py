"""The hosts with their canaries, and the matrix of what was found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attacks import ATTACKS, Found, put_canary_into_container, wait_for_tables
from scenario import ADDRESSES, connect
from targets import Target
from testinfra.host import Host

_matrix = pytest.StashKey[dict[str, dict[str, Found]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_matrix] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what each attack has found, whether the tests passed or not."""
    for host in ADDRESSES:
        states = [state for state, cells in config.stash[_matrix].items() if host in cells]
        rows = [[f"open on {host}", *states]]
        rows += [
            [attack, *(cell(config.stash[_matrix][state][host], attack) for state in states)]
            for attack in ATTACKS
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        terminalreporter.write_line("")
        for row in rows:
            words = (word.ljust(width) for word, width in zip(row, widths, strict=True))
            terminalreporter.write_line("  ".join(words).rstrip())


def cell(found: Found, attack: str) -> str:
    """Return the ports that an attack has found, of whatever address."""
    return " ".join(map(str, sorted({port for _, port in found[attack]}))) or "-"


@pytest.fixture(scope="session")
def matrix(request: pytest.FixtureRequest) -> dict[str, dict[str, Found]]:
    """By state and host, what was found."""
    return request.config.stash[_matrix]


@pytest.fixture(scope="session")
def targets(outside: Host) -> dict[str, Target]:
    """Both hosts, each with its canaries."""
    found = {name: Target(name, address, connect(name), outside) for name, address in ADDRESSES.items()}
    for target in found.values():
        put_canary_into_container(target)
    return found


@pytest.fixture
def unwatched(target: Target) -> Iterator[None]:
    """A host whose tables can be taken away; they come back after the test."""
    target.run("systemctl stop django-guard-watch")
    yield
    target.run("systemctl start django-guard-watch")
    wait_for_tables(target)
