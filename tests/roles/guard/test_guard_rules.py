"""What is routed to a container, by where it comes from: the rules as the kernel goes through them."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from dataclasses import dataclass, field

import pytest
from templates import template

SETTINGS: dict[str, object] = {"guard_closed_bridges": ["br-django-front", "br-django-db", "own0"]}
WAYS_OUT = SETTINGS | {"guard_ways_out": {"br-django-front": [], "own0": ["192.0.2.0/24", "2001:db8::/32"]}}
WITH_VPN = SETTINGS | {"guard_inner_interfaces": ["wg0"]}


@dataclass(frozen=True)
class Packet:
    """One that is routed, and what the kernel knows of its connection."""

    iifname: str
    oifname: str
    state: str = "new"
    status: str = ""
    direction: str = "original"
    daddr: str = "203.0.113.7"


@dataclass
class Rules:
    """The chains of a file of rules, and the sets that it defines."""

    sets: dict[str, list[str]] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> Rules:
        rules = cls()
        for name, names in re.findall(r"^define (\w+) = \{ (.*) \}$", text, re.MULTILINE):
            rules.sets[f"${name}"] = re.findall(r'"([^"]+)"', names)
        for name, body in re.findall(r"^\tchain (\w+) \{\n(.*?)^\t\}", text, re.MULTILINE | re.DOTALL):
            lines = [line.strip() for line in body.splitlines()]
            rules.chains[name] = [line for line in lines if line and not line.startswith(("#", "type "))]
        return rules

    def verdict(self, packet: Packet, chain: str = "forward") -> str:
        """Return what becomes of a packet; at the end of a chain it is accepted."""
        for rule in self.chains[chain]:
            conditions, _, action = rule.rpartition(" ")
            conditions, jumps, _ = (conditions + " ").partition("goto ")
            if self.applies(conditions, packet):
                return self.verdict(packet, action) if jumps else action
        return "accept"

    def applies(self, conditions: str, packet: Packet) -> bool:
        left = conditions
        for word, negated, wanted in re.findall(r"(?:ct |ip6? )?(\w+) (!= )?(\{[^}]*\}|\S+) ", conditions):
            left = re.sub(rf"(ct |ip6? )?{word} {re.escape(negated + wanted)} ", "", left, count=1)
            names = self.sets.get(wanted) or re.findall(r"[^\s{},\"]+", wanted)
            is_one_of = lies_in if word == "daddr" else fnmatch.fnmatchcase
            found = any(is_one_of(getattr(packet, word), name) for name in names)
            if found == bool(negated):
                return False
        assert not left.split(), f"not understood: {left}"
        return True


def lies_in(address: str, network: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)


def verdict(packet: Packet, settings: dict[str, object]) -> str:
    return Rules.of(template("guard", "guard.nft.j2", settings)).verdict(packet)


@pytest.mark.parametrize("bridge", ["br-django-db", "own0"])
@pytest.mark.parametrize("other", ["br-1a2b3c4d5e6f", "br-django-front", "docker0", "eth0", "wg0", "lo"])
def test_nothing_is_led_into_a_bridge_of_ours(bridge: str, other: str) -> None:
    assert verdict(Packet(other, bridge), SETTINGS) == "drop"
    # Neither is what takes itself for a connection, and was none that somebody inside has begun.
    assert verdict(Packet(other, bridge, state="established"), SETTINGS) == "drop"
    assert verdict(Packet(other, bridge, state="invalid", direction="reply"), SETTINGS) == "drop"


@pytest.mark.parametrize("other", ["br-1a2b3c4d5e6f", "eth0"])
@pytest.mark.parametrize(
    "packet",
    [
        {"status": "dnat"},
        {"status": "dnat", "state": "established"},
        {"state": "established", "direction": "reply"},
        {"state": "related", "direction": "reply"},
    ],
    ids=["published port", "and what follows", "answer", "error"],
)
def test_published_ports_and_answers_are(other: str, packet: dict[str, str]) -> None:
    assert verdict(Packet(other, "br-django-front", **packet), SETTINGS) == "accept"


def test_a_bridge_of_ours_is_one_network() -> None:
    assert verdict(Packet("br-django-db", "br-django-db"), SETTINGS) == "accept"


def test_interfaces_that_the_settings_name_lead_in() -> None:
    assert verdict(Packet("wg0", "br-django-db"), WITH_VPN) == "accept"
    assert verdict(Packet("br-1a2b3c4d5e6f", "br-django-db"), WITH_VPN) == "drop"


@pytest.mark.parametrize("settings", [SETTINGS, {}], ids=["with bridges of ours", "without"])
def test_bridges_of_others_are_left_to_docker(settings: dict[str, object]) -> None:
    assert verdict(Packet("br-django-front", "br-1a2b3c4d5e6f"), settings) == "accept"
    assert verdict(Packet("docker0", "br-1a2b3c4d5e6f"), settings) == "accept"
    assert verdict(Packet("br-django-front", "eth0"), settings) == "accept"
    assert verdict(Packet("eth0", "br-1a2b3c4d5e6f"), settings) == "drop"


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "fe80::1"])
@pytest.mark.parametrize("bridge", ["br-django-front", "br-django-db", "own0"])
def test_no_container_of_ours_reaches_the_credentials_of_a_cloud(bridge: str, address: str) -> None:
    assert verdict(Packet(bridge, "eth0", daddr=address), WAYS_OUT) == "drop"
    assert verdict(Packet("br-1a2b3c4d5e6f", "eth0", daddr=address), WAYS_OUT) == "accept"


@pytest.mark.parametrize(
    ("bridge", "address", "wanted"),
    [
        ("br-django-front", "192.0.2.7", "drop"),
        ("br-django-front", "2001:db8::7", "drop"),
        ("own0", "192.0.2.7", "accept"),
        ("own0", "2001:db8::7", "accept"),
        ("own0", "203.0.113.7", "drop"),
        ("own0", "2001:dba::7", "drop"),
        # One without a bound.
        ("br-django-db", "203.0.113.7", "accept"),
    ],
)
def test_a_bridge_leads_out_to_what_is_listed(bridge: str, address: str, wanted: str) -> None:
    assert verdict(Packet(bridge, "eth0", daddr=address), WAYS_OUT) == wanted
    # To bridges of others as well, and whatever it takes itself for; answers are none of this.
    assert verdict(Packet(bridge, "br-1a2b3c4d5e6f", "established", daddr=address), WAYS_OUT) == wanted
    assert (
        verdict(Packet(bridge, "eth0", "established", direction="reply", daddr=address), WAYS_OUT) == "accept"
    )
