"""What the module rollout concludes from what it reads; that it loses nothing is proven on hosts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import rollout
from ansible.module_utils.stack_database import Database
from ansible.module_utils.stack_docker import Container, RolloutError, in_flight, parse_container
from ansible.module_utils.stack_releases import Release, Store

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue"
LISTENING = "   0: 00000000:2328 00000000:0000 0A 00000000:00000000"
FROM_NGINX = "   1: 0A5A1DAC:2328 025A1DAC:8A3C 01 00000000:00000000"
BEING_MADE = "   2: 0A5A1DAC:2328 025A1DAC:8A3D 03 00000000:00000000"
HEALTH_CHECK = "   3: 0100007F:2328 0100007F:8A3E 01 00000000:00000000"
TO_DATABASE = "   4: 0A5A1DAC:9C40 035A1DAC:1538 01 00000000:00000000"
ENDED = "   5: 0A5A1DAC:2328 025A1DAC:8A3F 06 00000000:00000000"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([LISTENING], 0),
        ([LISTENING, FROM_NGINX], 1),
        ([FROM_NGINX, BEING_MADE], 2),
        ([HEALTH_CHECK], 0),
        ([TO_DATABASE], 0),
        ([ENDED], 0),
    ],
)
def test_requests_in_flight_are_counted(lines: list[str], expected: int) -> None:
    assert in_flight("\n".join([HEADER, *lines])) == expected


def release(number: int) -> Release:
    return Release(
        f"compose {number}",
        "nginx",
        {"images": [f"api:{number}", "nginx:1"], "built_from": [f"base:{number}"]},
    )


def accept(_folder: Path) -> None:
    """Find nothing wrong with a release."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, keep=3)


def deploy(store: Store, *numbers: int) -> None:
    for number in numbers:
        store.add(release(number), accept)
        store.commit(release(number), [f"app.{number}"])


def names(store: Store) -> list[str]:
    return [entry.release for entry in store.kept()]


def folders(store: Store) -> list[str]:
    return sorted(path.name for path in (store.folder / "releases").iterdir())


def test_a_release_has_the_name_of_its_content() -> None:
    assert release(1).name == release(1).name
    assert release(1).name != release(2).name


def test_the_newest_releases_are_kept(store: Store) -> None:
    deploy(store, 1, 2, 3, 4)

    assert names(store) == [release(number).name for number in (4, 3, 2)]
    assert folders(store) == sorted(names(store))
    assert store.current() == release(4).name
    assert (store.folder / "compose.yml").read_text() == "compose 4"
    assert store.images() == ["api:2", "api:3", "api:4", "base:2", "base:3", "base:4", "nginx:1"]


def test_a_release_that_comes_back_counts_as_new(store: Store) -> None:
    deploy(store, 1, 2, 1, 3, 4)

    assert names(store) == [release(number).name for number in (4, 3, 1)]


def test_a_clock_that_is_set_back_changes_no_order(store: Store) -> None:
    deploy(store, 1, 2, 3)
    history = json.loads(store.history_file.read_text())
    store.history_file.write_text(json.dumps([entry | {"at": "2999-01-01T00:00:00"} for entry in history]))
    deploy(store, 4)

    assert names(store) == [release(number).name for number in (4, 3, 2)]
    assert store.load(store.current()) == release(4)


def test_those_that_come_back_again_and_again_drive_no_other_out(store: Store) -> None:
    deploy(store, 1, *(30 * (2, 3)))

    assert names(store) == [release(number).name for number in (3, 2, 1)]
    assert len(store.history()) == 3


def test_a_removal_that_is_killed_leaves_no_half_release(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(store, 1, 2, 3)

    def die_half_way(folder: Path, **_options: Any) -> None:
        if folder.exists():
            (folder / "compose.yml").unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", die_half_way)
        with pytest.raises(KeyboardInterrupt):
            deploy(store, 4)
    assert store.images()
    assert store.current() == release(4).name

    deploy(store, 1)
    assert store.load(release(1).name) == release(1)
    assert folders(store) == sorted(names(store))


def test_what_a_killed_removal_left_is_removed_with_its_release(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(store, 1, 2, 3)
    whole, rest = store.path(release(1).name), store.path(f".{release(1).name}")
    rest.mkdir()
    listed = [whole, rest, store.path(release(2).name), store.path(release(3).name)]
    monkeypatch.setattr(Path, "iterdir", lambda _folder: iter(listed))
    deploy(store, 4)

    assert not whole.exists()
    assert not rest.exists()


def test_a_release_that_does_not_hold_is_not_kept(store: Store) -> None:
    def reject(_folder: Path) -> None:
        raise RolloutError("nginx does not accept it")

    with pytest.raises(RolloutError, match="nginx does not accept it"):
        store.add(release(1), reject)

    assert folders(store) == []


def test_what_a_killed_run_left_is_written_anew(store: Store) -> None:
    half = store.folder / f"releases/.{release(1).name}"
    half.mkdir(parents=True)
    (half / "compose.yml").write_text("comp")

    deploy(store, 1)

    assert store.load(release(1).name) == release(1)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have a database with these migrations."""
    applied: list[str] = []
    container = Container("1", "django-db-1", "db", "", "", running=True, restarts=0, pid=1)
    monkeypatch.setattr(rollout, "containers", lambda _project: [container])
    monkeypatch.setattr(Database, "migrations", lambda _database: applied)
    return applied


@pytest.fixture
def two(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    def make(number: int) -> Release:
        return Release(f"compose {number}", "nginx", {"project": "django", "images": []})

    monkeypatch.setitem(globals(), "release", make)
    deploy(store, 1, 2)
    return store


def test_the_release_before_is_chosen(two: Store, database: list[str]) -> None:
    database.append("app.1")
    assert rollout.choose(two, "") == release(1)


def test_a_kept_release_is_chosen_by_name(two: Store, database: list[str]) -> None:
    database.append("app.2")
    assert rollout.choose(two, release(2).name) == release(2)


def test_a_release_that_is_not_kept_is_refused(two: Store, database: list[str]) -> None:
    with pytest.raises(
        RolloutError, match=f"no release abc is on this host: choose one of .*{release(1).name}"
    ):
        rollout.choose(two, "abc")


def test_a_release_that_the_database_has_moved_past_is_refused(two: Store, database: list[str]) -> None:
    database.extend(["app.1", "app.2"])
    with pytest.raises(RolloutError, match=r"does not know app\.2"):
        rollout.choose(two, "")


def test_the_release_that_is_served_is_chosen(two: Store) -> None:
    assert rollout.choose(two, "current") == release(2)


def test_nothing_to_go_back_to(store: Store, database: list[str]) -> None:
    with pytest.raises(RolloutError, match="no release before this one is on this host"):
        rollout.choose(store, "")


def found(**changes: Any) -> dict[str, Any]:
    """Return what `docker inspect` says of a container."""
    state = {"Running": True, "Restarting": False, "Pid": 42}
    network = {"IPAMConfig": {"IPv4Address": "172.29.90.11"}, "IPAddress": ""}
    return {
        "Id": "abc",
        "Name": "/django-api-7",
        "RestartCount": 1,
        "Config": {
            "Labels": {
                "com.docker.compose.project": "django",
                "com.docker.compose.service": "api",
                "com.docker.compose.config-hash": "123",
            }
        },
        "State": state | changes,
        "Mounts": [{"Destination": "/run/secrets/key", "Source": "/srv/key"}],
        "NetworkSettings": {"Networks": {"django_backend": network, "django_database": {"IPAMConfig": None}}},
    }


def test_a_container_is_known_by_its_address_also_when_stopped() -> None:
    assert parse_container(found(Running=False)).address == "172.29.90.11"


@pytest.mark.parametrize("changes", [{"Running": False}, {"Restarting": True}])
def test_a_container_that_restarts_is_not_running(changes: dict[str, bool]) -> None:
    assert parse_container(found()).running
    assert not parse_container(found(**changes)).running


@pytest.fixture
def a_rollout(store: Store) -> rollout.Rollout:
    settings: dict[str, Any] = {
        "slots": {"blue": "172.29.90.10", "green": "172.29.90.11"},
        "migration_check": "",
        "manage_commands": [],
    }
    params = {
        "start_timeout": 1,
        "drain_timeout": 1,
        "compose": "compose",
        "allow_destructive_migrations": False,
    }
    return rollout.Rollout(store, Release("compose", "nginx", settings), params)


def api(address: str, *, running: bool) -> Container:
    return Container("1", "django-api-1", "api", address, "", running=running, restarts=0, pid=1)


def test_an_api_that_serves_from_another_network_is_not_taken_away(a_rollout: rollout.Rollout) -> None:
    with pytest.raises(
        RolloutError, match=r"django-api-1 serves from 172\.29\.80\.10, .* 'docker compose down'"
    ):
        a_rollout.refuse_other_network([api("172.29.80.10", running=True)])
    a_rollout.refuse_other_network([api("172.29.80.10", running=False), api("172.29.90.11", running=True)])


def test_a_host_that_nothing_was_deployed_to(tmp_path: Path) -> None:
    with pytest.raises(RolloutError, match="deploy first"), rollout.alone(tmp_path / "stack"):
        pass

    (tmp_path / "stack").mkdir()
    with rollout.alone(tmp_path / "stack"):
        assert (tmp_path / "stack/.rollout").exists()


@pytest.mark.parametrize("seen", [True, False])
def test_a_switch_that_is_not_seen_is_taken_back(
    a_rollout: rollout.Rollout, monkeypatch: pytest.MonkeyPatch, seen: bool
) -> None:
    old, new = api("172.29.90.10", running=True), api("172.29.90.11", running=True)
    removed: list[str] = []

    def see(slot: str) -> None:
        if slot == "green" and not seen:
            raise RolloutError("not seen")

    # What is done before and after the switch.
    for step in ("check_images", "prepare_database", "start_api", "configure_nginx", "finish_rotation"):
        monkeypatch.setattr(a_rollout, step, lambda *_: None)
    monkeypatch.setattr(a_rollout, "found", lambda _service: [old, new])
    monkeypatch.setattr(a_rollout, "retire", lambda container: removed.append(container.address))
    monkeypatch.setattr(a_rollout, "see", see)
    monkeypatch.setattr(rollout, "containers", lambda _project, *, oneoff: [])
    a_rollout.settings["project"] = "django"
    a_rollout.nginx_folder.mkdir()

    if seen:
        a_rollout.deploy(rollout.Plan(api=True))
    else:
        with pytest.raises(RolloutError, match="not seen"):
            a_rollout.deploy(rollout.Plan(api=True))

    # The control is a switch that is seen.
    assert (a_rollout.live, removed) == (("green", [old.address]) if seen else ("blue", [new.address]))


def test_behind_a_new_nginx_the_release_before_may_not_know_the_new_name(
    a_rollout: rollout.Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_rollout.settings.update(host="new.example.org", http_port=8080, smoke_path="/")
    monkeypatch.setattr(rollout, "get", lambda *_: rollout.Answer(400, "blue", "Bad Request"))
    monkeypatch.setattr(rollout.Rollout, "compose", lambda *_: "")

    a_rollout.up("nginx", "replace")

    assert a_rollout.done == ["replaced nginx: an interruption of 0.0 s"]
    # The release itself has to.
    with pytest.raises(RolloutError, match="answers 400"):
        a_rollout.see("blue", seconds=0)


def test_nginx_can_read_its_configuration_whatever_the_umask_is(
    a_rollout: rollout.Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout.Rollout, "load_nginx", lambda *_: None)
    before = os.umask(0o077)
    try:
        a_rollout.configure_nginx(rollout.Plan(reload=True))
    finally:
        os.umask(before)

    assert a_rollout.nginx_folder.stat().st_mode & 0o777 == 0o755
    assert (a_rollout.nginx_folder / "nginx.conf").stat().st_mode & 0o777 == 0o644


def test_nginx_reads_its_configuration_by_the_shell_of_the_health_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = {
        # Runs what it is told to in a container here.
        "docker": '#!/bin/bash\nwhile [ $# -gt 0 ] && [ "$1" != nginx:1 ]; do shift; done\n'
        '[ $# -eq 0 ] || { shift; exec bash "$@"; }\n',
        "nginx": f'#!/bin/sh\necho "$@" > {tmp_path}/told\n',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    rollout.check_files(Release("compose", "nginx", {"nginx_image": "nginx:1"}))(tmp_path)

    assert (tmp_path / "told").read_text() == "-e stderr -q -t -c /etc/nginx/site/nginx.conf\n"
