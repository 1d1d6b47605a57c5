"""What the host serves and keeps, and how much of the tests is to be run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from runs import Run
from scenario import PLAYBOOKS
from targets import STACK, Target

# Redeploys in a row. More of them than the short form has ask for its whole form: every case of the other
# tests, too.
SHORT = 1
REDEPLOYS = int(os.environ.get("REDEPLOYS", SHORT))
WHOLE = REDEPLOYS > SHORT

whole_form = pytest.mark.skipif(
    not WHOLE, reason="part of the whole form: REDEPLOYS=20 molecule test -s redeploy"
)


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


def assert_at_rest(host: Target, name: str, deploy: Callable[[], Run] = PLAYBOOKS.ship) -> None:
    """Check that one API container serves a release, and that a run has nothing left to do."""
    assert_served(host, name)
    before = host.everything()
    run = deploy()
    assert run.recap("host")["changed"] == 0, run.output
    assert host.everything() == before


def kept(host: Target) -> list[str]:
    """Return the releases that lie on the host."""
    return host.run(f"ls {STACK}/releases").split()


def current(host: Target) -> str:
    return Path(host.run(f"readlink {STACK}/current")).name
