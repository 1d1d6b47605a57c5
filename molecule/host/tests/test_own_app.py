"""Somebody's own Django project: it is deployed in place of ours by settings alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from runs import REPOSITORY, extra
from scenario import PLAYBOOKS
from targets import FILM, Target

HOST = "debian13"
SETTINGS = {
    "images_app_dir": str(REPOSITORY / "molecule/host/own_app"),
    "stack_smoke_path": "/notes",
    "stack_manage_commands": [],
    "stack_migration_check": "",
    "stack_migrate_command": "",
}
OURS = (f"--limit={HOST}",)
THEIRS = (*OURS, extra(**SETTINGS))


@pytest.fixture(scope="module")
def host(targets: dict[str, Target]) -> Iterator[Target]:
    """The host that has their project while these tests last."""
    host = targets[HOST]
    before = host.request(FILM).json
    PLAYBOOKS.ship(*THEIRS)
    yield host
    PLAYBOOKS.ship(*OURS)
    assert host.request(FILM).json == before


def test_it_answers_from_its_database(host: Target) -> None:
    assert host.request("/notes", "POST", b"the first note").json == {"notes": ["the first note"]}
    assert host.request("/notes").json == {"notes": ["the first note"]}
    assert host.request(FILM).status == 404


def test_nginx_serves_its_static_files(host: Target) -> None:
    answer = host.request("/static/static/notes/style.css")
    assert (answer.status, answer.text) == (200, "body { color: teal }\n")


def test_it_runs_as_ours_does(host: Target) -> None:
    processes = host.processes("api").values()
    assert {uid for process in processes for uid in process.uids} == {10001}
    assert {process.argv[-5:] for process in processes} == {
        ("--bind", ":9000", "--workers", "4", "config.wsgi")
    }


def test_a_rerun_has_nothing_to_do(host: Target) -> None:
    before = host.containers()
    assert PLAYBOOKS.ship(*THEIRS).recap(HOST)["changed"] == 0
    assert host.containers() == before
