"""What the guard is to the host: part of its start, and in nobody's way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attacks import are_there, gateways, put_canary_on_host, wait_for_service, wait_for_tables
from targets import PORT, REACHES, Target
from waiting import wait_until

BRIDGES = {"nginx": "br-django-front", "api": "br-django-back", "db": "br-django-db"}


def reaches(target: Target, container: str, address: str, port: int) -> str:
    pid = str(target.inspect("container", container)["State"]["Pid"])
    return target.run("nsenter --target %s --net python3 -c %s %s %s", pid, REACHES, address, str(port))


@pytest.mark.parametrize("service", BRIDGES)
def test_the_host_is_closed_to_our_containers(target: Target, service: str) -> None:
    put_canary_on_host(target)
    address = gateways(target)[BRIDGES[service]][0]
    assert reaches(target, target.name_of(service), address, 9000) == "no"


@pytest.mark.usefixtures("unwatched")
@pytest.mark.parametrize("service", BRIDGES)
def test_without_the_guard_it_is_open(target: Target, service: str) -> None:
    put_canary_on_host(target)
    address = gateways(target)[BRIDGES[service]][0]
    target.run("nft delete table inet django_guard")
    assert reaches(target, target.name_of(service), address, 9000) == "yes"


def test_other_containers_reach_what_they_did(target: Target) -> None:
    put_canary_on_host(target)
    assert reaches(target, "isolation-canary", gateways(target)["br-canary"][0], 9000) == "yes"
    # The way out, to a port of `outside` that nobody listens on: refused there, and not on the way.
    refused = "import socket, sys; sys.exit(socket.socket().connect_ex(('10.213.3.100', 9)) != 111)"
    pid = str(target.inspect("container", "isolation-canary")["State"]["Pid"])
    target.run("nsenter --target %s --net python3 -c %s", pid, refused)


def reaches_database(target: Target) -> str:
    """Tell whether another container reaches the database, from a bridge that is called "br-" as well."""
    address = target.container("db")["NetworkSettings"]["Networks"]["django_database"]["IPAddress"]
    return reaches(target, "isolation-canary", address, 5432)


@pytest.fixture
def flushed(target: Target) -> Iterator[None]:
    """A host where somebody has flushed the rules of Docker's that keep networks apart, and those alone.

    Its translation of addresses is left. With it, an internal network answers as well: to its own gateway.
    """
    policy = target.run("iptables --list-rules FORWARD").split()[2]
    target.run("iptables --flush && iptables --policy FORWARD ACCEPT")
    yield
    target.run("iptables --policy FORWARD %s && systemctl restart docker", policy)
    wait_for_service(target)


@pytest.mark.usefixtures("flushed")
def test_other_containers_reach_a_published_port_of_ours_alone(target: Target) -> None:
    assert reaches_database(target) == "no"
    assert reaches(target, "isolation-canary", target.address, PORT) == "yes"
    assert target.is_serving()


@pytest.mark.usefixtures("unwatched", "flushed")
def test_without_the_guard_other_containers_reach_the_database(target: Target) -> None:
    target.run("nft delete table inet django_guard")
    assert reaches_database(target) == "yes"


@pytest.fixture
def without_rules(target: Target) -> Iterator[None]:
    """A host that is about to start its engine, and has no file of rules to load before."""
    rules = "/etc/django-nftables/guard.nft"
    target.run("systemctl stop docker.socket docker django-guard")
    target.run("mv %s %s", rules, f"{rules}.away")
    yield
    target.run("mv %s %s", f"{rules}.away", rules)
    # Whoever asked for the engine meanwhile has made systemd try, and give up.
    target.run("systemctl reset-failed docker.socket docker django-guard")
    target.run("systemctl start docker.socket docker")
    wait_for_service(target)


@pytest.mark.usefixtures("without_rules")
def test_docker_does_not_start_without_the_guard(target: Target) -> None:
    start = target.host.run("systemctl start docker")
    assert start.failed
    assert "dependency" in start.stderr.lower()
    assert target.host.run("systemctl is-active docker").failed


def test_both_are_there_before_the_network_is(target: Target) -> None:
    assert "django-guard.service" in target.run("systemctl show --value --property=After docker").split()
    for unit in ("django-guard", "django-firewall"):
        assert "network-pre.target" in target.run(f"systemctl show --value --property=Before {unit}").split()
        assert target.run(f"systemctl is-enabled {unit}") == "enabled"


@pytest.mark.usefixtures("unwatched")
def test_nobody_else_brings_the_tables_back(target: Target) -> None:
    """The control of the watcher: without it they stay away."""
    target.run("nft delete table inet django_firewall")
    with pytest.raises(AssertionError, match="not within"):
        wait_until("the table is back", lambda: are_there(target), 3)


def test_the_watcher_brings_a_table_back(target: Target) -> None:
    target.run("nft delete table inet django_firewall")
    wait_for_tables(target)
