"""The first deploy of a bare machine takes minutes, so it goes on beside the tests of the other hosts."""

from __future__ import annotations

import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import desk
import pytest

_first = pytest.StashKey[Future[str]]()


def first_deploy() -> str:
    """Deploy to the bare machine; return what that prints."""
    with tempfile.TemporaryDirectory() as folder:
        host = desk.furnish(Path(folder))
    assert host.run("python3 -c 'import ensurepip'").rc != 0, "the machine is not bare"
    return desk.deploy()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin with it, if a test that needs it is to run."""
    if any("first" in getattr(item, "fixturenames", ()) for item in session.items):
        session.config.stash[_first] = ThreadPoolExecutor(1).submit(first_deploy)


@pytest.fixture(scope="session")
def first(request: pytest.FixtureRequest) -> str:
    """What the first bin/deploy of a bare machine printed."""
    return request.config.stash[_first].result()
