"""nginx's folder on the host: what nginx was given, what it runs with, and where it sends requests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible.module_utils.stack.containers import containers
from ansible.module_utils.stack.host import Host as StackHost
from ansible.module_utils.stack.nginx import Nginx
from ansible.module_utils.stack.releases import Release, Store
from ansible.module_utils.stack.settings import Settings
from stand_in import Host, settings


@pytest.fixture
def nginx(tmp_path: Path) -> Nginx:
    found = Nginx(tmp_path, "/etc/nginx/site")
    found.put("one")
    return found


def test_nothing_was_given_yet(tmp_path: Path) -> None:
    nginx = Nginx(tmp_path, "/etc/nginx/site")
    assert (nginx.text(), nginx.live) == ("", "blue")
    assert not nginx.runs_with("one")


def test_nginx_runs_with_what_it_has_loaded_and_would_load_again(nginx: Nginx) -> None:
    assert not nginx.runs_with("one")
    nginx.note_loaded()
    assert nginx.runs_with("one")
    assert not nginx.runs_with("two")

    nginx.put("two")
    assert not nginx.runs_with("one")
    assert not nginx.runs_with("two")


def test_one_file_is_the_switch(nginx: Nginx) -> None:
    for slot in ("green", "green", "blue", "blue"):
        nginx.point_to(slot)
        assert nginx.live == slot
        assert (nginx.folder / "green").exists() == (slot == "green")


def test_the_disk_knows_of_a_switch(nginx: Nginx, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("ansible.module_utils.stack.nginx.sync", synced.append)
    nginx.point_to("green")
    nginx.point_to("blue")
    assert synced == [nginx.folder, nginx.folder]


def test_nginx_can_read_its_folder_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        nginx = Nginx(tmp_path, "/etc/nginx/site")
        nginx.put("one")
        nginx.put("two")
    finally:
        os.umask(before)

    assert nginx.folder.stat().st_mode & 0o777 == 0o755
    assert nginx.file.stat().st_mode & 0o777 == 0o644
    assert nginx.text() == "two"


def test_a_configuration_that_is_loaded_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, monkeypatch)
    host.deploy()
    [box] = [one for one in containers("django") if one.service == "nginx"]
    nginx = Nginx(host.folder, "/etc/nginx/site")
    nginx.put("two")
    nginx.reload(box)
    assert host.nginx_runs_with == "two"
    assert nginx.runs_with("two")


def test_nginx_reads_its_configuration_by_the_shell_of_the_health_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = {
        # Runs what it is told to in a container here.
        "docker": f'#!/bin/bash\necho "$@" >> {tmp_path}/asked\n'
        'while [ $# -gt 0 ] && [ "$1" != nginx:1 ]; do shift; done\n'
        '[ $# -eq 0 ] || { shift; exec bash "$@"; }\n',
        "nginx": f'#!/bin/sh\necho "$@" > {tmp_path}/told\n',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    release = Release.make("compose", "nginx", Settings.read(settings()))

    StackHost(Store(tmp_path, 5), release, None, 1).check_files(Path("/kept"))

    assert (tmp_path / "told").read_text() == "-e stderr -q -t -c /etc/nginx/site/nginx.conf\n"
    compose, run = (tmp_path / "asked").read_text().splitlines()
    assert compose == "compose --file /kept/compose.yml config --quiet"
    assert run.startswith(
        "run --rm --network=none --user=0 --tmpfs=/run/nginx --entrypoint=bash"
        " --volume=/kept:/etc/nginx/site:ro nginx:1 -c "
    )
