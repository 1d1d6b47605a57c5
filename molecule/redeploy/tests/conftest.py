"""The host of the scenario, the load on it, and what is measured."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import release
from scenario import PLAYBOOKS
from state import serving
from targets import Target
from traffic import LIGHT, Load, under_load


@pytest.fixture(scope="session")
def host(targets: dict[str, Target]) -> Target:
    """The host that is deployed to; the first deploy is converge's."""
    target = targets["host"]
    target.outside.check_output("printf %%s %s > /var/tmp/password", target.secret("django_admin_password"))
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
    """Have a good release served before, which a deploy would leave alone, and leave a good one after."""
    if serving(host) != release.name():
        new_release()
        PLAYBOOKS.ship()
    name = release.name()
    assert serving(host) == name
    yield name
    if serving(host) != name:
        new_release()
        PLAYBOOKS.ship()
