"""A tag runs the role that it is named after, with what that role needs, and nothing else."""

from __future__ import annotations

import re

import pytest
from runs import Playbooks

# Each run looks at the host, and holds it.
ALWAYS = {"preflight", "lock"}


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, set[str]]]:
    """Return the tasks of site.yml: role, name and tags of each."""
    folder = tmp_path_factory.mktemp("inventory")
    (folder / "hosts.yml").write_text("django: {hosts: {api.example.org: {}}}\n")
    run = Playbooks(folder).play("site.yml", "--list-tasks")
    assert run.status == 0, run.output
    found = re.findall(r"^ +(\w+) : (.*?)\s+TAGS: \[(.*)\]$", run.output, re.MULTILINE)
    return [(role, name, set(tags.split(", "))) for role, name, tags in found]


def roles(tagged: list[tuple[str, str, set[str]]], tag: str) -> set[str]:
    """Return the roles that a run with a tag does something of."""
    return {role for role, _, tags in tagged if tags & {tag, "always"}}


def test_there_is_a_tag_for_each_role(tagged: list[tuple[str, str, set[str]]]) -> None:
    expected = {"packages", "guard", "firewall", "docker", "images", "wheels", "stack", "watchdog"}
    assert {role for role, _, _ in tagged} == ALWAYS | expected
    assert all(tags & {role, "always", "release"} for role, _, tags in tagged)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("release", {"images", "wheels", "stack"}),
        ("stack", {"images", "wheels", "stack"}),
        ("images", {"images", "wheels"}),
        ("wheels", {"wheels"}),
        ("guard", {"guard"}),
        ("firewall", {"firewall"}),
        # What a bundle brings is Docker's.
        ("docker", {"packages", "docker"}),
        ("packages", {"packages"}),
        ("watchdog", {"watchdog"}),
        ("nothing", set()),
    ],
)
def test_a_tag_runs_its_role(tagged: list[tuple[str, str, set[str]]], tag: str, expected: set[str]) -> None:
    assert roles(tagged, tag) == ALWAYS | expected


def test_images_are_removed_only_when_it_is_known_which_are_needed(
    tagged: list[tuple[str, str, set[str]]],
) -> None:
    (tags,) = [tags for _, name, tags in tagged if name == "Remove images that no release needs any more"]
    assert tags == {"release"}
