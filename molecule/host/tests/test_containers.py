"""The stack from inside a host: what runs as whom, where it keeps what, and who reaches whom."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any

import pytest
from runs import REPOSITORY
from targets import FILM, PORT, REACHES, SERVICES, STACK, Target
from waiting import wait_until

ROOT, DJANGO, NGINX, POSTGRES = 0, 10001, 101, 999
OWNERS = {"nginx": NGINX, "api": DJANGO, "db": POSTGRES}
SECRETS = {
    "postgres_password": POSTGRES,
    "django_owner_password": ROOT,
    "django_app_user": DJANGO,
    "django_app_password": DJANGO,
    "django_backup_password": ROOT,
    "django_secret_key": DJANGO,
    "django_secret_key_fallbacks": DJANGO,
    "django_admin_password": ROOT,
}
VOLUMES = {
    "nginx": {"django_static-data": "/vol/static", "django_media-data": "/vol/media"},
    "api": {"django_static-data": "/vol/web/static", "django_media-data": "/vol/web/media"},
    "db": {"django_postgres-data": "/var/lib/postgresql/data"},
}
NETWORKS = {
    "nginx": {"django_frontend", "django_backend"},
    "api": {"django_backend", "django_database"},
    "db": {"django_database"},
}
OUTSIDE = "10.213.6.100"
# Prints what becomes of a connection to a port that nobody listens on: refused, if it gets that far.
KNOCK = """
import socket, sys
knock = socket.socket()
knock.settimeout(3)
print(knock.connect_ex((sys.argv[1], 9)))
"""
# What app/README.md has people type in on the host.
IMPORT = re.findall(
    r"^    (api=.*|docker exec .*)$", (REPOSITORY / "app/README.md").read_text(), re.MULTILINE
)
# A film as it is there already, so that nothing is changed.
FILMS = (
    "tconst,primaryTitle,startYear,averageRating,genres\ntt0111161,The Shawshank Redemption,1994,9.3,Drama\n"
)
STEPS = ("volume folders", "becoming user", "wait_for_db", "collectstatic", "migrate", "gunicorn")


def mounts(target: Target, service: str, kind: str) -> list[dict[str, Any]]:
    return [mount for mount in target.container(service)["Mounts"] if mount["Type"] == kind]


def test_the_database_plans_long_queries_without_a_compiler(target: Target) -> None:
    """The image leaves PostgreSQL's out: a query that would be compiled runs as it is."""
    compiled = "SET jit_above_cost = 0; SELECT pg_jit_available(), sum(n) FROM generate_series(1, 1000) AS n"
    assert target.sql(compiled).splitlines()[-1] == "f|500500"


@pytest.mark.parametrize("service", SERVICES)
def test_each_process_has_its_unprivileged_owner(target: Target, service: str) -> None:
    owners = {pid: process.uids for pid, process in target.processes(service).items()}
    assert set(owners.values()) == {frozenset({OWNERS[service]})}, owners


def test_run_sh_became_gunicorn_with_four_workers(target: Target) -> None:
    processes = target.processes("api")
    commands = {(Path(argv[1]).name, *argv[2:]) for argv in (process.argv for process in processes.values())}
    assert commands == {("gunicorn", "--bind", ":9000", "--workers", "4", "config.wsgi")}
    first = target.container("api")["State"]["Pid"]
    assert [process.parent for pid, process in processes.items() if pid != first] == [first] * 4


def test_run_sh_took_its_steps_in_order(target: Target) -> None:
    log = target.run("docker logs %s 2>/dev/null", target.name_of("api")).splitlines()
    said = [line.removeprefix("run.sh: ") for line in log if line.startswith("run.sh: ")]
    assert len(said) >= len(STEPS), said
    last = said[-len(STEPS) :]
    assert all(line.startswith(step) for line, step in zip(last, STEPS, strict=True)), last


def test_gunicorn_is_killed_only_after_it_has_given_up_on_its_requests(target: Target) -> None:
    settings = target.run(
        "docker exec --user django %s gunicorn --print-config config.wsgi", target.name_of("api")
    )
    grace = re.search(r"^graceful_timeout +\S+ (\d+)$", settings, re.MULTILINE)
    assert grace, settings
    assert int(grace[1]) < target.container("api")["Config"]["StopTimeout"]


@pytest.mark.parametrize("service", SERVICES)
def test_volumes_are_where_the_specification_has_them(target: Target, service: str) -> None:
    found = {mount["Name"]: mount["Destination"] for mount in mounts(target, service, "volume")}
    assert found == VOLUMES[service]


def test_nginx_only_reads(target: Target) -> None:
    assert not [mount["Destination"] for mount in target.container("nginx")["Mounts"] if mount["RW"]]


@pytest.mark.parametrize("folder", ["static", "media"])
def test_run_sh_gave_the_volumes_to_django(target: Target, folder: str) -> None:
    owner = target.run("docker exec %s stat --format %%u:%%g %s", target.name_of("api"), f"/vol/web/{folder}")
    assert owner == f"{DJANGO}:{DJANGO}"


def test_postgresql_is_17_and_keeps_all_in_its_volume(target: Target) -> None:
    assert target.sql("SHOW server_version_num")[:2] == "17"
    data = target.sql("SHOW data_directory")
    volume = VOLUMES["db"]["django_postgres-data"]
    for folder in (data, f"{data}/base", f"{data}/pg_wal"):
        real = target.run("docker exec django-db-1 realpath --canonicalize-existing %s", folder)
        assert real.startswith(f"{volume}/"), folder


def as_operating_says(title: str) -> list[str]:
    """Return the commands that a section of docs/operating.md has people type in."""
    section = (
        (REPOSITORY / "docs/operating.md").read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    )
    return re.findall(r"^\$ (.*)$", section, re.MULTILINE)


def test_data_has_checksums_from_the_first_start(target: Target) -> None:
    assert target.sql("SHOW data_checksums") == "on"


def test_older_data_is_given_checksums_as_operating_says(targets: dict[str, Target]) -> None:
    target = targets["debian13"]
    film = target.request(FILM).json
    stop, enable, start = [line for line in as_operating_says("The database") if "django-db-1" in line]
    assert "--enable" in enable
    for command in (stop, enable.replace("--enable", "--disable"), start):
        target.run("bash -c %s", command)
    wait_until("the database answers", target.is_serving)
    assert target.sql("SHOW data_checksums") == "off"

    for command in (stop, enable, start):
        target.run("bash -c %s", command)
    wait_until("the database answers", target.is_serving)
    assert target.sql("SHOW data_checksums") == "on"
    assert target.request(FILM).json == film


@pytest.mark.parametrize("service", SERVICES)
def test_networks(target: Target, service: str) -> None:
    assert target.container(service)["NetworkSettings"]["Networks"].keys() == NETWORKS[service]


@pytest.mark.parametrize("service", SERVICES)
def test_no_container_has_a_way_out(target: Target, service: str) -> None:
    said = int(target.in_network_of(service, KNOCK, OUTSIDE))
    # There is no route, or nobody answers: the engines of both hosts differ in that.
    assert said in {errno.ENETUNREACH, errno.EAGAIN}


def test_the_host_itself_has_a_way_out(target: Target) -> None:
    """The control of the test before."""
    assert int(target.run("python3 -c %s %s", KNOCK, OUTSIDE)) == errno.ECONNREFUSED


def test_only_nginx_is_published(target: Target) -> None:
    published = {
        service: {port: {at["HostPort"] for at in where} for port, where in bindings.items() if where}
        for service in SERVICES
        if (bindings := target.container(service)["NetworkSettings"]["Ports"])
    }
    assert {service: ports for service, ports in published.items() if ports} == {
        "nginx": {"8000/tcp": {str(PORT)}}
    }


@pytest.mark.parametrize(("service", "reaches"), [("api", "yes"), ("nginx", "no")])
def test_the_database_is_reached_from_the_api_alone(target: Target, service: str, reaches: str) -> None:
    address = target.container("db")["NetworkSettings"]["Networks"]["django_database"]["IPAddress"]
    assert target.in_network_of(service, REACHES, address, "5432") == reaches


def test_nginx_reaches_gunicorn(target: Target) -> None:
    address = target.container("api")["NetworkSettings"]["Networks"]["django_backend"]["IPAddress"]
    assert target.in_network_of("nginx", REACHES, address, "9000") == "yes"


def test_secrets_belong_to_their_one_reader(target: Target) -> None:
    lines = target.run(f"stat --format '%n %a %u' {STACK}/secrets/*").splitlines()
    assert {Path(name).name: (mode, int(uid)) for name, mode, uid in (line.split() for line in lines)} == {
        name: ("400", uid) for name, uid in SECRETS.items()
    }


def test_another_user_of_the_host_reads_no_secret(target: Target) -> None:
    for name in SECRETS:
        path = f"{STACK}/secrets/{name}"
        assert target.host.run("cat %s", path).succeeded
        nobody = target.host.run("setpriv --reuid 65534 --regid 65534 --clear-groups cat %s", path)
        assert nobody.failed
        assert "Permission denied" in nobody.stderr


def test_films_are_imported_as_the_readme_says(target: Target) -> None:
    assert len(IMPORT) == 2
    script = ["set -eu", "cd /run", 'printf %s "$1" | gzip > films.csv.gz', *IMPORT, "rm films.csv.gz"]
    # The engine loses the output of a command now and then.
    answers = (target.run("sh -c %s sh %s", "\n".join(script), FILMS) for _ in range(3))
    assert next(filter(None, answers), "") == "unchanged: 1 films are as the file has them"
