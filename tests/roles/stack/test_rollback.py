"""Which release a rollback serves, and what it does not do again."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.stack.errors import RolloutError
from ansible.module_utils.stack.releases import Store
from stand_in import Host, compose

TWO = {"compose": compose(api="2")}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


@pytest.fixture
def two(host: Host) -> tuple[str, str]:
    """Deploy two releases; return their names."""
    host.migrations = ["films.0001"]
    return host.deploy()["release"], host.deploy(**TWO)["release"]


def test_the_release_before_is_served_without_its_commands_and_checks(
    host: Host, two: tuple[str, str]
) -> None:
    result = host.serve()

    assert result["release"] == two[0]
    assert host.present()["django-api-3"] == "1"
    assert not [step for step in host.did if "manage.py" in step or "check" in step or "test" in step]
    # And the one before that is the other one again.
    assert host.serve()["release"] == two[1]


def test_a_kept_release_is_served_by_its_name(host: Host, two: tuple[str, str]) -> None:
    assert host.serve(two[1])["steps"] == []
    assert host.serve(two[0])["steps"] != []


def test_a_dry_run_names_the_release(host: Host, two: tuple[str, str]) -> None:
    result = host.serve(dry=True)
    assert (result["release"], result["steps"]) == (two[0], ["switch to a new api container"])
    assert host.did == []


def test_the_release_that_is_served(host: Host, two: tuple[str, str]) -> None:
    assert host.serve("current") == {
        "release": two[1],
        "interruptions": [],
        "replaced": [],
        "kept_images": ["api:1", "base:1", "nginx:1", "postgres:1"],
        "diff": [],
        "steps": [],
        "changed": False,
    }


def test_the_release_that_is_served_may_be_older_than_the_database(host: Host, two: tuple[str, str]) -> None:
    host.migrations.append("films.0002")
    assert host.serve("current")["release"] == two[1]


def test_a_release_that_is_not_kept_is_refused(host: Host, two: tuple[str, str]) -> None:
    with pytest.raises(
        RolloutError, match=f"no release abc is on this host: choose one of {two[1]}, {two[0]}"
    ):
        host.serve("abc")


def test_a_release_that_the_database_has_moved_past_is_refused(host: Host, two: tuple[str, str]) -> None:
    host.migrations += ["films.0002", "films.0003"]
    said = rf"release {two[0]} does not know films\.0002, films\.0003, which the database has had since"
    with pytest.raises(RolloutError, match=said):
        host.serve()
    assert host.present()["django-api-2"] == "2"


@pytest.mark.parametrize("wanted", ["", "current"])
def test_nothing_to_go_back_to(host: Host, wanted: str) -> None:
    name = wanted or "before this one"
    with pytest.raises(RolloutError, match=f"no release {name} is on this host: choose one of none"):
        host.serve(wanted)


def test_a_host_without_a_database_is_rolled_back_all_the_same(host: Host, two: tuple[str, str]) -> None:
    host.boxes = [box for box in host.boxes if box.service != "db"]
    assert host.serve(dry=True)["steps"][0] == "start db"


class Killed(BaseException):
    """The run ends here, and does nothing any more."""


@pytest.fixture
def unnoted(host: Host, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Have a third release serve that a run switched to, and was killed before it noted that."""

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as killed:
        killed.setattr("ansible.module_utils.stack.releases.Store.commit", kill)
        with pytest.raises(Killed):
            host.deploy(compose=compose(api="3"))
    assert host.present()["django-api-3"] == "3"
    assert host.live == "blue"
    return str(Store(host.folder, 5).serving(host.live))


def test_what_serves_is_left_for_the_release_before_it(
    host: Host, two: tuple[str, str], unnoted: str
) -> None:
    assert host.serve()["release"] == two[1]
    # It was served for a while: the way leads back to it, too.
    assert host.serve()["release"] == unnoted


def test_what_serves_gets_the_new_secrets(host: Host, unnoted: str) -> None:
    assert host.rotate("database")["release"] == unnoted
    assert [box.version for box in host.boxes if box.service == "api"] == ["3"]


def test_what_served_is_kept_when_another_release_follows(host: Host, unnoted: str) -> None:
    host.deploy(compose=compose(api="4"))
    assert host.serve()["release"] == unnoted


def test_a_release_that_was_never_switched_to_is_none_that_serves(host: Host, two: tuple[str, str]) -> None:
    host.crashing.add("3")
    with pytest.raises(RolloutError):
        host.deploy(compose=compose(api="3"))
    assert host.serve("current")["release"] == two[1]
