"""On Debian 12, Compose comes from another release, with its security updates where the host has its own."""

from __future__ import annotations

import re

import pytest
from templates import template

MIRROR, SECURITY = "http://mirror.example/debian/", "http://mirror.example/debian-security/"


def sources(security: list[str], **settings: object) -> list[tuple[str, str]]:
    """Return the mirrors and suites of a host whose apt names these mirrors of security updates."""
    mirrors = {"results": [{"stdout_lines": [MIRROR, MIRROR]}, {"stdout_lines": security}]}
    text = template("docker", "compose.sources.j2", {"__docker_mirrors": mirrors} | settings)
    stanzas = [stanza for stanza in text.split("\n\n") if "Types: deb\n" in stanza]
    assert all("\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg" in stanza for stanza in stanzas)
    return [found for stanza in stanzas for found in re.findall(r"URIs: (\S+)\nSuites: (\S+)", stanza)]


@pytest.mark.parametrize(
    ("security", "suites"),
    [
        ([SECURITY, SECURITY], [(MIRROR, "trixie"), (SECURITY, "trixie-security")]),
        ([], [(MIRROR, "trixie")]),
    ],
)
def test_mirrors_are_those_of_the_host(security: list[str], suites: list[tuple[str, str]]) -> None:
    assert sources(security) == suites


def test_a_mirror_that_is_named_is_the_only_one() -> None:
    other = "http://other.example/debian"
    assert sources([SECURITY], docker_compose_mirror=other) == [(other, "trixie")]


def test_nothing_else_comes_from_there() -> None:
    text = template("docker", "preferences.j2", {})
    pins = re.findall(r"^Package: (\S+)\nPin: release n=(\S+)\nPin-Priority: (\S+)$", text, re.MULTILINE)
    # The star stands for "-security" as well.
    assert pins == [("*", "trixie*", "-10"), ("docker-compose", "trixie*", "990")]
