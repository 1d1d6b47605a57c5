"""An uninstall asks first, removes what the project has made and nothing else, and keeps data by default."""

from __future__ import annotations

import json
import shutil
from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from runs import REPOSITORY, Playbooks, Run

PLAYBOOK = str(REPOSITORY / "playbooks/uninstall.yml")

# What a host has, as files in a folder: those of its disk, and one for each thing that the engine,
# systemd and the kernel have.
OF_OTHERS = {
    "engine/container/theirs",
    "engine/network/theirs",
    "engine/volume/theirs",
    "engine/image/django/api:theirs",
    "engine/image/nginx:1.28",
    "units/docker.service",
    "units/theirs.service",
    "active/docker.service",
    "enabled/docker.service",
    "tables/theirs",
}
SECRETS = {"stack/secrets/postgres_password", "stack/secrets/django_secret_key"}
DATA_FILES = SECRETS | {"engine/volume/ours-data", "engine/volume/ours-media"}
OURS = {
    "engine/container/ours-nginx",
    "engine/container/ours-api",
    "engine/network/ours-backend",
    "engine/image/django/base:0123456789abcdef",
    "engine/image/django/api:0123456789abcdef",
    "stack/.rollout",
    "stack/releases/4a71ea029c54/compose.yml",
    "build/make-base",
    "rules/guard.nft",
    "rules/firewall.nft",
    "sbin/django-guard-watch",
    "lib/watchdog.py",
    "lib/shutdown.py",
    "run/guard-pending",
    "run/watchdog-pending",
    "run/watchdog/paused",
    "tables/guard",
    "tables/firewall",
    *(f"units/django-firewall{end}" for end in (".service", "-rollback.service", "-rollback.timer")),
    *(
        f"{folder}/{unit}.service"
        for folder in ("units", "active", "enabled")
        for unit in ("django-guard", "django-guard-watch", "django-shutdown", "django-watchdog")
    ),
    "active/django-firewall.service",
    "enabled/django-firewall.service",
}


DOCKER = """#!/bin/sh
cd "$HOST" || exit
echo "docker $*" >> log
[ ! -e engine-is-down ] || { echo 'Cannot connect to the Docker daemon' >&2; exit 1; }
list() { ls "engine/$1" | grep "^ours"; }
case "$*" in
    version*) echo '{}' ;;
    *label=com.docker.compose.project=django) case $1 in ps) list container ;; *) list "$1" ;; esac; exit 0 ;;
    "image ls"*) cd engine/image && find . -type f | cut -c 3- ;;
    "image rm"*) shift 2; cd engine/image && rm "$@" ;;
    stop*) ;;
    rm*) shift 3; cd engine/container && rm "$@" ;;
    "network rm"* | "volume rm"*) kind=$1; shift 2; cd "engine/$kind" && rm "$@" ;;
    *) echo "this is no Docker: $*" >&2; exit 1 ;;
esac
"""
# Docker is stopped with the guard that it requires, until that is disabled.
SYSTEMCTL = """#!/bin/sh
cd "$HOST" || exit
case $2 in *.*) unit=$2 ;; *) unit=$2.service ;; esac
case $1 in
    show)
        [ -e "units/$unit" ] && load=loaded || load=not-found
        [ -e "active/$unit" ] && active=active || active=inactive
        printf 'LoadState=%s\\nActiveState=%s\\n' $load $active
        exit
        ;;
    is-enabled) [ -e "enabled/$unit" ]; exit ;;
    disable) rm "enabled/$unit" ;;
    stop)
        rm "active/$unit"
        [ $unit != django-firewall.service ] || rm tables/firewall
        [ $unit != django-guard.service ] || [ ! -e enabled/$unit ] || rm active/docker.service
        ;;
esac
echo "systemctl $*" >> log
"""
# A watcher that runs loads a table again for as long as its rules are there.
NFT = """#!/bin/sh
cd "$HOST" || exit
name=${4#django_}
rm "tables/$name" || exit 1
[ ! -e active/django-guard-watch.service ] || [ ! -e "rules/$name.nft" ] || touch "tables/$name"
"""

# Waits for the lock of a rollout; notes what is there when it has it.
FLOCK = """#!/bin/sh
[ "$*" = "--timeout 300 $HOST/stack/.rollout true" ] || exit
cd "$HOST" && echo "the rollout has ended: $(echo $(ls engine/container))" >> log
"""

# Variables with the places of what lies on the host's disk.
PLACES = {
    "stack_dir": "stack",
    "images_dir": "build",
    "guard_dir": "rules",
    "__firewall_unit_dir": "units",
    "__guard_unit_dir": "units",
    "__guard_programs_dir": "sbin",
    "__guard_pending": "run/guard-pending",
    "__watchdog_unit_dir": "units",
    "__watchdog_program": "lib/watchdog.py",
    "__watchdog_shutdown_program": "lib/shutdown.py",
    "__watchdog_run_dir": "run/watchdog",
    "__watchdog_pending": "run/watchdog-pending",
}

EVERYTHING = OURS | DATA_FILES | OF_OTHERS
API_AND_NGINX = "ours-api ours-nginx"
PYTHON = "/usr/bin/python3"
TOOLS = ["cat", "cut", "find", "grep", "ls", "rm", "sh", "touch"]


@dataclass
class Hosts:
    """Hosts that are folders, and what uninstalls from all of them at once."""

    folder: Path
    variables: dict[str, dict[str, object]] = field(default_factory=dict)

    def add(self, name: str, has: Set[str] = EVERYTHING, **variables: object) -> Path:
        """Make a host that was deployed to, as far as that has left something."""
        host = self.folder / name
        for path in has:
            (host / path).parent.mkdir(parents=True, exist_ok=True)
            (host / path).touch()
        if has >= OURS:
            (host / "stack/current").symlink_to("releases/4a71ea029c54")
        # All that Ansible runs there is run by its Python, which finds nothing of this machine but these: a
        # program that a test takes away must not be replaced by the real one.
        programs = self.folder / f"{name}.bin"
        programs.mkdir()
        for tool in TOOLS:
            (programs / tool).symlink_to(str(shutil.which(tool, path="/usr/bin:/bin")))
        stand_ins = {"docker": DOCKER, "systemctl": SYSTEMCTL, "nft": NFT, "flock": FLOCK}
        python = f'#!/bin/sh\nHOST={host} PATH={programs} DOCKER_HOST=tcp://none.invalid exec {PYTHON} "$@"\n'
        for program, text in (stand_ins | {"python3": python}).items():
            (programs / program).write_text(text)
            (programs / program).chmod(0o755)
        self.variables[name] = variables | {
            "ansible_connection": "local",
            "ansible_become": False,
            "ansible_python_interpreter": str(programs / "python3"),
            "lock_dir": f"{host}.lock",
        }
        return host

    def uninstall(self, *args: str) -> Run:
        """Run the playbook without a terminal."""
        inventory = self.folder / "hosts.json"
        inventory.write_text(json.dumps({"django": {"hosts": self.variables}}))
        folders = "{{ ansible_python_interpreter | dirname | splitext | first }}"
        places = {name: f"{folders}/{path}" for name, path in PLACES.items()}
        return Playbooks(inventory).play(PLAYBOOK, f"--extra-vars={json.dumps(places)}", *args)


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    return Hosts(tmp_path)


def left(host: Path) -> set[str]:
    return {str(path.relative_to(host)) for path in host.rglob("*") if path.is_file()} - {"log"}


def test_it_takes_ours_and_keeps_the_data_unless_told_otherwise(hosts: Hosts) -> None:
    keeping = hosts.add("keeping", uninstall_confirm="yes")
    # Uninstalled before, and the data kept.
    again = hosts.add("again", DATA_FILES | OF_OTHERS, uninstall_confirm="yes", uninstall_data="yes")

    run = hosts.uninstall()

    assert run.status == 0, run.output
    assert left(keeping) == DATA_FILES | OF_OTHERS
    assert not (keeping / "rules").exists()
    assert f"{keeping}/stack/secrets" in "".join(run.output.split())
    done = (keeping / "log").read_text().splitlines()
    # A rollout that a killed run has left comes to its end before anything is removed.
    steps = ["the rollout has ended: ours-api ours-nginx theirs", f"docker stop {API_AND_NGINX}"]
    steps += [f"docker rm --force --volumes {API_AND_NGINX}", "systemctl stop django-watchdog.service"]
    assert [line for line in done if line in steps] == steps

    assert left(again) == OF_OTHERS
    assert not (again / "stack").exists()
    assert run.recap("again")["changed"] == len(("volumes", "secrets", "folder"))


def test_a_dry_run_asks_nothing_and_removes_nothing(hosts: Hosts) -> None:
    host = hosts.add("plain")
    run = hosts.uninstall("--check")
    assert run.status == 0, run.output
    assert run.recap("plain")["changed"] > 0
    assert left(host) == EVERYTHING


def test_nothing_is_removed_without_a_clear_yes(hosts: Hosts) -> None:
    refused = {
        hosts.add("silent"): "Nothing was removed from silent, as nobody said yes",
        hosts.add("no", uninstall_confirm="no"): "Nothing was removed from no, as nobody said yes",
        hosts.add("perhaps", uninstall_confirm="perhaps"): "uninstall_confirm is perhaps: choose yes or no.",
        hosts.add("al", uninstall_data="al"): "uninstall_data is al: choose yes or no.",
        hosts.add("typo", uninstal_data="yes"): "uninstal_data is unknown, did you mean uninstall_data?",
        hosts.add("other", uninstall_database="yes"): "uninstall_database is unknown",
        hosts.add("down", uninstall_confirm="yes"): "Docker is installed on down and does not answer",
    }
    (hosts.folder / "down/engine-is-down").touch()
    run = hosts.uninstall()
    assert run.status != 0
    output = " ".join(run.output.split())
    assert {host.name for host, said in refused.items() if said not in output} == set(), run.output
    assert {run.recap(host.name)["failed"] for host in refused} == {1}
    for host in refused:
        assert left(host) - {"engine-is-down"} == EVERYTHING
