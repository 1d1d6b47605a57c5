"""What can't succeed is refused in one line, before anything is changed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from runs import REPOSITORY, Playbooks, Run, extra
from scenario import INVENTORIES, PLAYBOOKS, machine
from targets import Target
from waiting import wait_until

HOST = "debian13"


@pytest.fixture(scope="module")
def host(targets: dict[str, Target]) -> Target:
    """The one host these tests need."""
    return targets[HOST]


def state(host: Target) -> tuple[dict[str, str], str]:
    """Return what runs on the host, and the files that a run might change."""
    listing = "find /srv/django /etc/apt /etc/docker -type f -printf '%p %T@ %s\n' | sort"
    return host.containers(), host.run(listing)


@pytest.fixture(autouse=True)
def unchanged(host: Target) -> Iterator[None]:
    """Each of these runs leaves the host as it was."""
    before = state(host)
    yield
    assert state(host) == before


def assert_refused(run: Run) -> None:
    """Check that a run failed before it changed anything."""
    assert run.status != 0, run.output
    assert not re.search(r"changed=[1-9]", run.output), run.output
    assert "TASK [docker : Look for an engine" not in run.output, run.output


def refused(*args: str, inventory: Path | None = None) -> str:
    """Run site.yml, which must fail before it changes anything, and return what it says.

    Args:
        args: Further arguments of the run.
        inventory: Of other hosts than the scenario's, of which one is deployed to else.
    """
    if inventory:
        run = Playbooks(*INVENTORIES[:-1], inventory).play("site.yml", *args)
    else:
        run = PLAYBOOKS.play("site.yml", f"--limit={HOST}", *args)
    assert_refused(run)
    return run.output


def accepted(*args: str) -> None:
    """Run the checks alone, which must find nothing wrong."""
    run = PLAYBOOKS.play("playbooks/check.yml", f"--limit={HOST}", *args)
    assert run.status == 0, run.output


# Variables with what a run says of each. One check names all that is wrong; the next one does not run.
BAD_VARIABLES: dict[str, dict[str, tuple[object, str]]] = {
    "names and types": {
        "stack_gunicorn_workers": ("four", "stack_gunicorn_workers is 'four', it must be int"),
        "docker_source": ("snap", "docker_source is 'snap', it must be one of debian, upstream"),
        "docker_daemon_settings": ([1], "docker_daemon_settings is [1], it must be dict"),
        "stack_htpp_port": (80, "stack_htpp_port is unknown, did you mean stack_http_port?"),
        "stack_colour": ("blue", "stack_colour is unknown, no role reads it"),
    },
    "values": {
        "stack_gunicorn_workers": (0, "stack_gunicorn_workers is 0: choose 1 to 64."),
        "stack_http_port": (70000, "stack_http_port is 70000: choose a port from 1 to 65535."),
        "stack_client_connections": (-1, "stack_client_connections is -1: choose 0 (no limit) to 65535."),
        "stack_client_requests_per_second": (10**6, "stack_client_requests_per_second is 1000000: choose"),
        "stack_backend_prefix": ("172.29", "stack_backend_prefix is 172.29"),
        "stack_health_interval": (3, "stack_health_interval is 3: choose 5 to 15 seconds."),
        "stack_db_memory_mb": (64, "stack_db_memory_mb is 64: choose 256 or more."),
        "stack_server_names": ([], "stack_server_names is empty"),
    },
    "names with a port": {
        "stack_server_names": (
            ["a:80", "2001:db8::1", "*"],
            "stack_server_names has a:80, 2001:db8::1, *: give",
        )
    },
    "a first name that Django refuses": {
        "stack_server_names": (["web_1", "a"], "stack_server_names begins with web_1, which Django takes for")
    },
    "memory": {"preflight_min_memory_mb": (10**8, "MiB of memory and the stack needs 100000000")},
    "disk": {"preflight_min_disk_mb": (10**9, "MiB free under /var/lib and a deploy needs 1000000000")},
    "folder": {"images_app_dir": ("/nonexistent", "it lacks manage.py, config/wsgi.py")},
}


@pytest.fixture(scope="module")
def runs(host: Target) -> dict[str, Run]:
    """A run with each group of bad variables: some at once, as they are short and leave the host as it was.

    Each takes a lock of its own, else they would refuse each other.
    """
    before = state(host)

    def run(name: str) -> Run:
        variables = {variable: value for variable, (value, _) in BAD_VARIABLES[name].items()}
        lock = "/run/lock-of-" + name.replace(" ", "-")
        return PLAYBOOKS.play("site.yml", f"--limit={HOST}", extra(**variables, lock_dir=lock))

    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(BAD_VARIABLES, pool.map(run, BAD_VARIABLES), strict=True))
    assert state(host) == before
    return found


@pytest.mark.parametrize("name", BAD_VARIABLES)
def test_bad_variables(runs: dict[str, Run], name: str) -> None:
    assert_refused(runs[name])
    missing = [said for _, said in BAD_VARIABLES[name].values() if said not in runs[name].one_line]
    assert missing == [], runs[name].output


def test_good_variables_and_a_free_port_pass() -> None:
    good = {"stack_gunicorn_workers": 8, "preflight_min_memory_mb": 100, "my_own_variable": "mine"}
    accepted(extra(**good, stack_http_port=8081))


def test_missing_inventory(tmp_path: Path) -> None:
    assert "failed to parse inventory source" in refused(inventory=tmp_path / "nothing")


def test_unreadable_inventory(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text("django: [\n")
    assert "failed to parse inventory source" in refused(inventory=path)


def test_inventory_without_a_host() -> None:
    assert 'names no host in the group "django"' in refused(inventory=REPOSITORY / "inventories/prod")


@pytest.fixture
def listener(host: Target) -> Iterator[int]:
    """A program of the host that holds a port."""
    port = 8081
    host.run("systemd-run --unit=test-listener python3 -m http.server %s", str(port))
    wait_until("the listener listens", lambda: f":{port} " in host.run("ss -Hltn"))
    yield port
    host.run("systemctl stop test-listener")


def test_port_taken(listener: int) -> None:
    said = refused(extra(stack_http_port=listener))
    assert f"Port {listener} of {HOST} is taken by python3" in said


def test_the_stack_may_keep_its_own_port() -> None:
    accepted()


@pytest.fixture
def outside_is_ubuntu(host: Target, tmp_path: Path) -> Iterator[Path]:
    """An inventory with the machine `outside`, dressed up as another system."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(f"django: {{hosts: {{outside: {{ansible_docker_host: {machine('outside')}}}}}}}\n")
    release = 'NAME=Ubuntu\nID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n'
    host.outside.check_output("cp --no-dereference --preserve /etc/os-release /root/os-release")
    host.outside.check_output("rm /etc/os-release && printf %s > /etc/os-release", release)
    yield inventory
    host.outside.check_output("rm /etc/os-release && mv /root/os-release /etc/os-release")


def test_other_operating_system(outside_is_ubuntu: Path) -> None:
    said = refused(inventory=outside_is_ubuntu)
    assert "outside runs Ubuntu 24.04: deploy to a host with Debian 12 or 13." in said


@pytest.fixture
def plain_user(host: Target) -> Iterator[str]:
    """A user of the host who may not use sudo."""
    host.run("useradd --create-home plain")
    yield "plain"
    host.run("userdel --remove plain 2>/dev/null")


def test_no_sudo(plain_user: str) -> None:
    said = refused(extra(ansible_user=plain_user))
    assert f"{plain_user} can't become root on {HOST}" in said
    assert "--ask-become-pass" in said


def test_unreadable_settings_of_the_engine(host: Target, request: pytest.FixtureRequest) -> None:
    path = "/etc/docker/daemon.json"
    host.run("mv %s /root/daemon.json && echo { > %s", path, path)
    request.addfinalizer(lambda: host.run("mv /root/daemon.json %s", path))
    assert f"{path} is no JSON" in refused()


def test_wheel_with_another_hash(tmp_path: Path) -> None:
    app = tmp_path / "app"
    shutil.copytree(REPOSITORY / "app", app)
    lock = (app / "requirements.txt").read_text()
    (app / "requirements.txt").write_text(re.sub("sha256:[0-9a-f]+", "sha256:" + "0" * 64, lock))
    said = refused(extra(images_app_dir=str(app)))
    assert "can't be fetched" in said
    assert "DO NOT MATCH THE HASHES" in said


def test_database_without_its_password(host: Target, request: pytest.FixtureRequest) -> None:
    secret = "/srv/django/stack/secrets/postgres_password"
    host.run("mv %s /root/kept", secret)
    request.addfinalizer(lambda: host.run("mv /root/kept %s", secret))
    assert f"put {secret} back from your backup" in refused().replace("\n        ", " ")
    host.run("test ! -e %s", secret)
