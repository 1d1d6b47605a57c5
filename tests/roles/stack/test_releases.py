"""Which releases lie on the host, and which of them went live when."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.stack.errors import RolloutError
from ansible.module_utils.stack.releases import Release, Store
from ansible.module_utils.stack.settings import Settings
from stand_in import settings


def release(number: int) -> Release:
    changes = {"images": [f"api:{number}", "nginx:1"], "built_from": [f"base:{number}"]}
    return Release.make(f"compose {number}", "nginx", Settings.read(settings(**changes)))


def accept(_folder: Path) -> None:
    """Find nothing wrong with a release."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, keep=3)


def deploy(store: Store, *numbers: int) -> None:
    for number in numbers:
        store.add(release(number), accept)
        store.commit(release(number), [f"app.{number}"])
        store.prune()


def names(store: Store) -> list[str]:
    return [entry.release for entry in store.kept()]


def folders(store: Store) -> list[str]:
    return sorted(path.name for path in (store.folder / "releases").iterdir())


def test_a_release_has_the_name_of_its_content() -> None:
    assert release(1).name == release(1).name
    assert release(1).name != release(2).name
    assert re.fullmatch("[0-9a-f]{12}", release(1).name)
    one = release(1)
    others = [
        Release.make("compose", one.nginx_conf, one.settings),
        Release.make(one.compose, "nginx 2", one.settings),
        Release.make(one.compose, one.nginx_conf, replace(one.settings, http_port=80)),
    ]
    assert len({one.name, *(other.name for other in others)}) == 4


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
    (rest / "compose.yml").write_text("compose")
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


# As the version of this project from before settings had types wrote it.
FORMER = """{
  "api_user": "10001:10001",
  "built_from": ["base:1"],
  "host": "films.example.org",
  "http_port": 8080,
  "images": ["nginx:1", "postgres:1", "api:1"],
  "manage_commands": ["ensure_admin"],
  "migration_check": "check_migrations --all",
  "nginx_image": "nginx:1",
  "project": "django",
  "ready_path": "/health/ready",
  "slots": {"blue": "172.29.90.10", "green": "172.29.90.11"},
  "smoke_path": "/films/"
}
"""


def test_a_release_of_a_former_version_is_loaded_under_its_name(store: Store) -> None:
    folder = store.path("0123456789ab")
    folder.mkdir(parents=True)
    for name, text in (("compose.yml", "compose"), ("nginx.conf", "nginx"), ("release.json", FORMER)):
        (folder / name).write_text(text)

    found = store.load("0123456789ab")

    assert (found.name, found.compose, found.nginx_conf) == ("0123456789ab", "compose", "nginx")
    assert found.settings == Settings.read(settings(command_secrets={}, migrate_command=""))
    # It is there, and is not added again.
    store.add(found, accept)
    store.commit(found, [])
    assert folders(store) == ["0123456789ab"]
    assert (store.folder / "compose.yml").read_text() == "compose"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"project": 1}'])
def test_settings_that_can_not_be_understood_are_named(store: Store, text: str) -> None:
    deploy(store, 1)
    file = store.path(release(1).name) / "release.json"
    file.write_text(text)

    with pytest.raises(RolloutError, match=f"{file} can't be understood .*: put the file back"):
        store.load(release(1).name)


def test_a_host_that_has_had_no_release(store: Store) -> None:
    assert (store.current(), store.history(), store.kept(), store.images()) == ("", [], [], [])
    assert [(one["before_header"], one["before"], one["after"]) for one in store.differences(release(1))] == [
        ("no release/compose.yml", "", "compose 1"),
        ("no release/nginx.conf", "", "nginx"),
    ]


def test_what_a_release_changes_is_shown(store: Store) -> None:
    deploy(store, 1)
    assert store.differences(release(1)) == []
    assert store.differences(release(2)) == [
        {
            "before_header": f"{release(1).name}/compose.yml",
            "after_header": f"{release(2).name}/compose.yml",
            "before": "compose 1",
            "after": "compose 2",
        }
    ]


def test_what_went_live_is_noted_with_its_time_and_migrations(store: Store) -> None:
    deploy(store, 1, 2)
    history = store.history()

    assert [(entry.release, entry.migrations) for entry in history] == [
        (release(1).name, ["app.1"]),
        (release(2).name, ["app.2"]),
    ]
    assert history[0].at < history[1].at
    assert history[0].at.endswith("+00:00")


def test_everybody_on_the_host_may_read_releases(store: Store) -> None:
    deploy(store, 1)
    assert (store.folder / "releases").stat().st_mode & 0o777 == 0o755
    assert store.path(release(1).name).stat().st_mode & 0o777 == 0o755
