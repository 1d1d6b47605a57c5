"""What is concluded from what Docker and the kernel say of the containers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.stack.containers import (
    Container,
    connections,
    containers,
    in_flight,
    inspect,
    parse_container,
    refuse,
)
from ansible.module_utils.stack.errors import RolloutError
from stand_in import BLUE, Host

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
    assert in_flight("\n".join([HEADER, *lines]), 9000) == expected


def found(**changes: Any) -> dict[str, Any]:
    """Return what `docker inspect` says of a container."""
    started = "2026-11-29T01:02:03.123456789Z"
    state = {"Running": True, "Restarting": False, "Pid": 42, "StartedAt": started}
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


def test_a_container_is_what_docker_says_of_it() -> None:
    assert parse_container(found()) == Container(
        id="abc",
        name="django-api-7",
        service="api",
        address="172.29.90.11",
        config_hash="123",
        running=True,
        restarts=1,
        pid=42,
        started=pytest.approx(1795914123.123456),
        mounts={"/run/secrets/key": "/srv/key"},
    )


@pytest.mark.parametrize("network", [None, {}, {"IPAMConfig": None}])
def test_a_container_outside_the_network_has_no_address(network: Any) -> None:
    said = found()
    said["NetworkSettings"]["Networks"] = {"django_backend": network, "django_frontend": {"IPAMConfig": {}}}
    assert parse_container(said).address == ""
    del said["NetworkSettings"]["Networks"]["django_backend"]
    assert parse_container(said).address == ""


@pytest.mark.parametrize(("more", "crashed"), [(0, False), (1, False), (2, True), (3, True)])
def test_two_restarts_since_the_first_look_are_a_crash(more: int, crashed: bool) -> None:
    first = parse_container(found())
    assert first.crashed(replace(first, restarts=first.restarts + more)) == crashed


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_services_and_single_runs_are_listed_apart(host: Host) -> None:
    assert containers("django") == []
    host.add("api", "1", BLUE)
    host.add("api", "1", oneoff=True)

    assert [one.name for one in containers("django")] == ["django-api-1"]
    assert [one.name for one in containers("django", oneoff=True)] == ["django-api-2"]


def test_a_container_that_has_gone_is_left_out(host: Host) -> None:
    host.add("api", "1", BLUE)
    [one] = containers("django")
    assert one.refresh() == one
    assert one.log() == "last words of django-api-1"
    host.boxes.clear()

    assert one.refresh() is None
    assert inspect([]) == []


def test_connections_over_both_protocols_are_counted(host: Host) -> None:
    box = host.add("api", "1", BLUE)
    [one] = containers("django")
    assert connections(one, 9000) == 0
    box.connect(2)
    (box.proc / "net/tcp6").write_text((box.proc / "net/tcp").read_text())

    assert connections(one, 9000) == 4
    assert connections(one, 9001) == 0
    (box.proc / "net/tcp6").unlink()
    assert connections(one, 9000) == 0


def test_a_container_is_closed_to_new_connections(host: Host) -> None:
    box = host.add("api", "1", BLUE)
    [one] = containers("django")
    refuse(one, 9000)
    assert box.closed


def test_one_that_can_not_be_closed_is_named_unless_it_has_gone(host: Host) -> None:
    host.add("api", "1", BLUE)
    host.fails["refuse django-api-1"] = "no iptables"
    [one] = containers("django")
    with pytest.raises(RolloutError, match="django-api-1 can't be closed to new connections: no iptables"):
        refuse(one, 9000)


def test_one_that_goes_while_it_is_closed_is_no_error(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.add("api", "1", BLUE)
    host.fails["refuse django-api-1"] = "no such process"
    [one] = containers("django")
    monkeypatch.setattr(Container, "refresh", lambda _container: None)
    refuse(one, 9000)
    assert host.did == ["refuse django-api-1"]
