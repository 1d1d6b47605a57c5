"""The rules let in what is named, and have nothing of what is not."""

from __future__ import annotations

import re

import pytest
from templates import template

SSH = {"firewall_ssh_ports": [22]}


def accepted(**settings: object) -> list[str]:
    """Return the rules that let something in by its port or its protocol, in order."""
    text = template("firewall", "firewall.nft.j2", SSH | settings)
    return re.findall(r"^\t\t((?:\w+ dport|meta l4proto) .*) accept$", text, re.MULTILINE)


def test_tcp_alone_is_let_in_unless_told_otherwise() -> None:
    assert accepted() == ["tcp dport @tcp_ports"]


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"firewall_udp_ports": [51820, 500, 500]}, "udp dport { 500, 51820 }"),
        ({"firewall_protocols": ["gre", "esp", 50, 253]}, "meta l4proto { 47, 50, 253 }"),
    ],
)
def test_what_is_named_is_let_in(settings: dict[str, object], rule: str) -> None:
    assert accepted(**settings) == ["tcp dport @tcp_ports", rule]
