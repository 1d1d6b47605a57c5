"""The hosts of the scenario, how they are attacked, and what is found on them."""

from __future__ import annotations

import ipaddress
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from scenario import machine
from targets import REACHES, Target
from waiting import wait_until

CANARY = (Path(__file__).parents[1] / "attack/canary.py").read_text()
ADDRESSES6 = {"fresh": "fd0a:d503::13", "forwarding": "fd0a:d503::12"}
OUTSIDE6 = "fd0a:d503::100"
TABLES = {"inet django_guard", "inet django_firewall"}
ATTACKS = (
    "full TCP scan",
    "UDP",
    "route to inside",
    "forged 127.0.0.1",
    "spoofed source",
    "IPv6 and link-local",
)

# By attack, what has accepted: addresses and ports.
Found = dict[str, set[tuple[str, int]]]


def put_canary_into_container(target: Target) -> None:
    """Run a canary on a bridge network of its own, published on the host's loopback alone, as 9001."""
    target.run("docker rm --force isolation-canary 2>/dev/null || true")
    target.run(
        "docker network inspect isolation-canary >/dev/null 2>&1 || "
        "docker network create --ipv6 --subnet fd0a:d503:1::/64 "
        "--opt com.docker.network.bridge.name=br-canary isolation-canary"
    )
    target.run(
        "docker run --detach --name isolation-canary --restart unless-stopped --network isolation-canary "
        "--publish 127.0.0.1:9001:9000 --entrypoint python %s -uc %s",
        target.container("api")["Config"]["Image"],
        CANARY,
    )


def put_canary_on_host(target: Target) -> None:
    """Run a canary on the host itself, unless it runs: a reboot ends it."""
    if target.host.run("systemctl is-active isolation-canary").succeeded:
        return
    target.run(
        "systemd-run --quiet --collect --unit=isolation-canary "
        "--property=StandardOutput=append:/run/isolation-canary.log python3 -uc %s",
        CANARY,
    )
    wait_until("the canary listens", lambda: bool(target.run("ss -Hltn 'sport = :9000'")))


def canary_answers(target: Target) -> bool:
    """Tell whether the container's canary takes connections; one that is not back would find nothing."""
    networks = target.inspect("container", "isolation-canary")["NetworkSettings"]["Networks"]
    address = networks["isolation-canary"]["IPAddress"]
    return address != "" and target.run("python3 -c %s %s %s", REACHES, address, "9000") == "yes"


def heard(target: Target) -> str:
    """Return what the canaries of a host have noted."""
    return target.run("cat /run/isolation-canary.log; docker logs isolation-canary 2>/dev/null")


def gateways(target: Target) -> dict[str, list[str]]:
    """Return the host's addresses in the networks of its containers, by name of the bridge."""
    links = json.loads(target.run("ip -json address show type bridge"))
    return {link["ifname"]: [info["local"] for info in link["addr_info"]] for link in links if link}


def link_local(target: Target) -> str:
    link = json.loads(target.run("ip -json address show dev eth0"))[0]
    return next(str(address["local"]) for address in link["addr_info"] if address["scope"] == "link")


def inside(target: Target) -> list[str]:
    """Return the addresses of all gateways and of all containers."""
    found = {address for addresses in gateways(target).values() for address in addresses}
    for network in json.loads(target.run("docker network inspect $(docker network ls --quiet)")):
        for container in network["Containers"].values():
            found |= {container[key].split("/")[0] for key in ("IPv4Address", "IPv6Address")}
    return sorted(found - {""})


def attack(target: Target, state: str) -> Found:
    """Run all attacks on a host."""
    put_canary_on_host(target)
    wait_until("the container's canary listens", lambda: canary_answers(target))
    addresses = inside(target)
    inside4 = [address for address in addresses if ipaddress.ip_address(address).version == 4]
    token = f"[{state}]"
    plan = {
        "token": token,
        "mac": target.run("cat /sys/class/net/eth0/address"),
        "address": target.address,
        "address6": ADDRESSES6[target.name],
        "own_address6": OUTSIDE6,
        "link_local": link_local(target),
        "inside": inside4,
        "inside6": [address for address in addresses if address not in inside4],
        # Its own address, and those of all containers and bridges.
        "spoofed": [target.address, *inside4],
    }
    result = subprocess.run(
        ["docker", "exec", "--interactive", machine("outside"), "python3", "/attack/attack.py"],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(result.stdout)
    found = {name: {(address, port) for address, port in answers[name]} for name in answers}
    arrived = re.findall(re.escape(token) + r" from (\S+) to ", heard(target))
    found["spoofed source"] = {(source, 9000) for source in arrived}
    return found


def attack_all(targets: dict[str, Target], state: str) -> dict[str, Found]:
    """Run all attacks on all hosts, side by side."""
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda target: attack(target, state), targets.values())
        return dict(zip(targets, found, strict=True))


def tables(target: Target) -> set[str]:
    """Return the tables of ours that are loaded."""
    lines = target.run("nft list tables").splitlines()
    return {line.removeprefix("table ") for line in lines} & TABLES


def wait_for_service(*targets: Target) -> None:
    """Wait until the API of each host answers, asked from outside."""
    for target in targets:
        wait_until(f"{target.name} serves", target.is_serving)


def wait_for_tables(*targets: Target) -> None:
    for target in targets:
        wait_until(f"the tables of {target.name} are back", partial(are_there, target))


def are_there(target: Target) -> bool:
    return tables(target) == TABLES
