"""Migrations of a release: in a container of their own, with a time of their own, and told while they run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.engine import EngineTimeoutError
from ansible.module_utils.stack.errors import RolloutError
from stand_in import Host, compose, settings

Heard = Callable[[str], None]
PRINTED = "Running migrations:\n  Applying films.0007_long..."


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Return a host that serves a first release."""
    host = Host(tmp_path, monkeypatch)
    host.deploy()
    return host


def noted(host: Host) -> Any:
    """Return what the host notes of the migration that runs; nothing if none does."""
    file = host.folder / ".migrating"
    return json.loads(file.read_text()) if file.exists() else None


def test_a_release_with_migrations_says_so(host: Host) -> None:
    host.migrate = lambda _limit, heard: heard(f"{PRINTED} OK\n  Applying films.0008_x... OK\n")
    steps = host.deploy(compose=compose(api="2"))["steps"]
    assert steps[:2] == ["applied films.0007_long", "applied films.0008_x"]


def test_a_release_without_migrations_starts_no_container_for_them(host: Host) -> None:
    host.said["check_migrations"] = "looking\nunchanged: there is no unapplied migration"
    host.deploy(compose=compose(api="2"))
    assert "migrate" not in host.did


@pytest.mark.parametrize("said", ["", "unapplied migrations: 1", "unchanged: one\nnothing to break"])
def test_without_a_word_of_the_check_there_may_be_some(host: Host, said: str) -> None:
    host.said["check_migrations"] = said
    host.deploy(compose=compose(api="2"))
    assert "migrate" in host.did


def test_migrations_that_are_not_checked_are_applied(host: Host) -> None:
    host.said["check_migrations"] = "unchanged:"
    host.deploy(compose=compose(api="2"), allow_destructive_migrations=True)
    assert "migrate" in host.did


def test_an_app_that_migrates_when_it_starts_is_left_to_it(host: Host) -> None:
    host.deploy(compose=compose(api="2"), settings=settings(migrate_command=""))
    assert "migrate" not in host.did


def test_the_way_back_applies_none(host: Host) -> None:
    host.deploy(compose=compose(api="2"))
    host.serve()
    assert "migrate" not in host.did
    assert host.present()["django-api-3"] == "1"


def test_the_migration_that_runs_is_noted_and_then_no_more(host: Host) -> None:
    seen = []

    def migrate(_limit: float, heard: Heard) -> None:
        for printed in (
            "Running migrations:\n",
            PRINTED,
            f"{PRINTED} OK\n",
            f"{PRINTED} OK\n  Applying films.0008_x...",
        ):
            heard(printed)
            host.clock.sleep(5)
            seen.append(noted(host))

    host.migrate = migrate
    begun = int(host.clock.now)
    host.deploy(compose=compose(api="2"))

    long = {"migration": "films.0007_long", "since": begun + 5}
    assert seen == [None, long, long, {"migration": "films.0008_x", "since": begun + 15}]
    assert noted(host) is None


def test_they_have_a_time_of_their_own(host: Host) -> None:
    limits = []
    host.migrate = lambda limit, _heard: limits.append(limit)
    host.deploy(compose=compose(api="2"), start_timeout=10, migration_timeout=3600)
    assert limits == [3600]


def hang(_limit: float, heard: Heard) -> None:
    heard(PRINTED)
    raise EngineTimeoutError("docker compose … has not ended")


def hang_at_once(_limit: float, _heard: Heard) -> None:
    raise EngineTimeoutError("docker compose … has not ended")


@pytest.mark.parametrize(
    ("migrate", "named"), [(hang, "films.0007_long"), (hang_at_once, "none had begun")], ids=["one", "none"]
)
def test_those_that_take_too_long_are_ended_and_named(
    host: Host, migrate: Callable[[float, Heard], None], named: str
) -> None:
    present = host.present()
    host.migrate = migrate
    with pytest.raises(RolloutError, match=f"have not ended after 600 s, .*: {named}. Give them more time"):
        host.deploy(compose=compose(api="2"))

    assert host.did[-1] == "rm django-api-run"
    assert host.present() == present
    assert noted(host) is None


def test_those_that_fail_are_told_in_their_own_words(host: Host) -> None:
    present = host.present()
    host.fails["migrate"] = "column does not exist"
    with pytest.raises(RolloutError, match=r"migrations of the new release fail.*\ncolumn does not exist$"):
        host.deploy(compose=compose(api="2"))

    assert host.did[-1] == "rm django-api-run"
    assert host.present() == present


def test_a_run_that_is_interrupted_leaves_no_container(host: Host) -> None:
    def interrupt(_limit: float, heard: Heard) -> None:
        heard(PRINTED)
        raise KeyboardInterrupt

    present = host.present()
    host.migrate = interrupt
    with pytest.raises(KeyboardInterrupt):
        host.deploy(compose=compose(api="2"))

    assert host.present() == present
    assert noted(host) is None
