"""The same attacks without our tables: each finds a canary, so that nothing found means something.

Not that at ::1: no kernel takes it from an interface, and no setting of it makes one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attacks import ADDRESSES6, TABLES, Found, attack_all, gateways, link_local, wait_for_tables
from scenario import ADDRESSES
from targets import Target

STATE = "control: no guard"


@pytest.fixture(scope="module")
def unguarded(targets: dict[str, Target], matrix: dict[str, dict[str, Found]]) -> Iterator[dict[str, Found]]:
    """Take our tables away from both hosts and attack them; return what was found on each."""
    for target in targets.values():
        target.run("systemctl stop django-guard-watch")
        for table in TABLES:
            target.run(f"nft delete table {table}")
    try:
        matrix[STATE] = attack_all(targets, STATE)
        yield matrix[STATE]
    finally:
        for target in targets.values():
            target.run("systemctl start django-guard-watch")
    wait_for_tables(*targets.values())


def canary(target: Target) -> dict[str, str]:
    """Return the addresses of the canary in a container."""
    found = target.inspect("container", "isolation-canary")["NetworkSettings"]["Networks"]["isolation-canary"]
    return {"IPv4": found["IPAddress"], "IPv6": found["GlobalIPv6Address"]}


@pytest.mark.parametrize("attack", ["full TCP scan", "UDP"])
def test_the_canary_on_the_host_is_found(target: Target, unguarded: dict[str, Found], attack: str) -> None:
    assert (target.address, 9000) in unguarded[target.name][attack]


def test_the_route_leads_to_containers_and_gateways(target: Target, unguarded: dict[str, Found]) -> None:
    found = unguarded[target.name]["route to inside"]
    assert (canary(target)["IPv4"], 9000) in found
    for bridge in ("docker0", "br-canary", "br-django-front", "br-django-back", "br-django-db"):
        address = gateways(target)[bridge][0]
        assert {(address, port) for port in (22, 8080, 9000)} <= found, bridge


def test_a_forged_loopback_address_leads_on(target: Target, unguarded: dict[str, Found]) -> None:
    found = unguarded[target.name]["forged 127.0.0.1"]
    # Published on the loopback alone.
    assert ("127.0.0.1", 9001) in found
    if target.name == "forwarding":
        # The host's own, as its kernel was told to let it through.
        assert {("127.0.0.1", 22), ("127.0.0.1", 9000)} <= found


def test_spoofed_packets_arrive(target: Target, unguarded: dict[str, Found]) -> None:
    found = unguarded[target.name]["spoofed source"]
    assert (canary(target)["IPv4"], 9000) in found
    if target.name == "forwarding":
        # Its own, as its kernel was told to let it through.
        assert (ADDRESSES[target.name], 9000) in found


def test_ipv6_leads_to_the_host_and_inside(target: Target, unguarded: dict[str, Found]) -> None:
    addresses = (ADDRESSES6[target.name], link_local(target), canary(target)["IPv6"])
    assert {(address, 9000) for address in addresses} <= unguarded[target.name]["IPv6 and link-local"]
