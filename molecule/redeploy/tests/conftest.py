"""The host of the scenario, the load on it, and what is measured."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
import release
import testinfra
from runs import REPOSITORY, Playbooks, Run
from targets import STACK, Target
from traffic import CLIENT, LIGHT, Traffic, under_load

HOST = "django-redeploy-host-1"
PLAYBOOKS = Playbooks(REPOSITORY / "molecule/redeploy/inventory")
# Set, it asks for the whole form of the tests: as many redeploys in a row, and every case of the others.
WHOLE = "REDEPLOYS" in os.environ
REDEPLOYS = int(os.environ.get("REDEPLOYS", "3"))

whole_form = pytest.mark.skipif(
    not WHOLE, reason="part of the whole form: REDEPLOYS=20 molecule test -s redeploy"
)

Load = Callable[..., AbstractContextManager[Traffic]]

_said = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_said] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured, whether the tests passed or not."""
    terminalreporter.section("measured")
    for line in config.stash[_said]:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a line for the end of the report."""
    return request.config.stash[_said].append


@pytest.fixture(scope="session")
def host() -> Target:
    """The host that is deployed to; the first deploy is converge's."""
    client = testinfra.get_host(f"docker://{CLIENT}")
    target = Target("host", "10.213.2.13", testinfra.get_host(f"docker://{HOST}"), client)
    client.check_output("printf %%s %s > /var/tmp/password", target.secret("django_admin_password"))
    return target


@pytest.fixture(scope="session")
def load(host: Target, say: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Load:
    """All kinds of clients at once."""
    return partial(under_load, say, tmp_path_factory.mktemp("load"), host.address)


@pytest.fixture(scope="session")
def light_load(load: Load) -> Load:
    """A few clients, to see whether the service answers throughout."""
    return partial(load, clients=LIGHT)


@pytest.fixture(scope="session")
def new_release() -> Callable[..., str]:
    """Make the app another release; return its name."""
    numbers = itertools.count(1)
    # A further run of the tests has releases of its own.
    session = int(time.time())

    def make(**changes: str) -> str:
        name = f"release-{session}-{next(numbers)}"
        release.make(name, **changes)
        return name

    return make


@pytest.fixture
def good_release(host: Target, new_release: Callable[..., str]) -> Iterator[str]:
    """Have a good release served before, and leave a good one after."""
    name = new_release()
    PLAYBOOKS.deploy()
    assert serving(host) == name
    yield name
    if serving(host) != name:
        new_release()
        PLAYBOOKS.deploy()


def serving(host: Target) -> str:
    """Return the release that answers."""
    answer = host.request("/api/movies/1")
    assert answer.status == 200, answer.text
    return answer.headers["x-release"]


def apis(host: Target) -> list[str]:
    """Return the id of each API container there is, running or not."""
    label = "label=com.docker.compose.service=api"
    return host.run("docker ps --all --no-trunc --filter %s --format '{{.ID}}'", label).split()


def assert_served(host: Target, name: str) -> None:
    """Check that one API container serves a release."""
    assert serving(host) == name
    assert len(apis(host)) == 1


def assert_at_rest(host: Target, name: str) -> None:
    """Check that one API container serves a release, and that there is nothing left to do."""
    assert_served(host, name)
    before = host.everything()
    run = PLAYBOOKS.deploy()
    assert run.recap("host")["changed"] == 0, run.output
    assert host.everything() == before


def kept(host: Target) -> list[str]:
    """Return the releases that lie on the host."""
    return host.run(f"ls {STACK}/releases").split()


def current(host: Target) -> str:
    return Path(host.run(f"readlink {STACK}/current")).name


def one_line(run: Run) -> str:
    """Return what a run has said without its line breaks."""
    return re.sub(r"\s+", " ", run.output)
