"""Whatever a host has of the firewall is removed; that its table stays away is proven on hosts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runs import Playbooks

UNITS = {f"units/django-firewall{name}" for name in (".service", "-rollback.service", "-rollback.timer")}
RULES, TABLE, FIRST_UNIT = "rules/firewall.nft", "table", "units/django-firewall.service"
ACTIVE, ENABLED = "active/django-firewall.service", "enabled/django-firewall.service"
TIMER = "active/django-firewall-rollback.timer"

# What a run finds, by the name of the host.
FOUND: dict[str, set[str]] = {
    "never": set(),
    "in_use": UNITS | {RULES, TABLE, ACTIVE, ENABLED},
    "killed_with_rules_on_trial": UNITS | {TABLE, TIMER},
    "killed_with_one_unit": {FIRST_UNIT},
}

SYSTEMCTL = """#!/bin/sh
cd "$HOST"
case $2 in *.*) unit=$2 ;; *) unit=$2.service ;; esac
case $1 in
    show)
        [ -e "units/$unit" ] && load=loaded || load=not-found
        [ -e "active/$unit" ] && active=active || active=inactive
        printf 'LoadState=%s\\nActiveState=%s\\n' $load $active
        ;;
    is-enabled) [ -e "enabled/$unit" ] ;;
    disable) rm "enabled/$unit" ;;
    stop)
        rm "active/$unit"
        if [ "$unit" = django-firewall.service ]; then nft; fi
        ;;
esac
"""
# Deletes the table, which the watcher loads again while there are rules.
NFT = """#!/bin/sh
cd "$HOST"
rm table || exit 1
[ ! -e rules/firewall.nft ] || touch table
"""
PLAYBOOK = """
- name: Have no firewall
  hosts: all
  gather_facts: false
  environment:
    HOST: "{{ folder }}"
    PATH: "{{ programs }}:/usr/bin:/bin"
  roles:
    - role: firewall
"""


@pytest.fixture
def playbooks(tmp_path: Path) -> Playbooks:
    """Hosts that have what is to be found, and what removes the firewall from each."""
    hosts = {}
    for name, found in FOUND.items():
        for folder in ("units", "rules", "active", "enabled"):
            (tmp_path / name / folder).mkdir(parents=True)
        for path in found:
            (tmp_path / name / path).touch()
        hosts[name] = {"folder": str(tmp_path / name)}
    (tmp_path / "hosts.json").write_text(
        json.dumps({"all": {"hosts": hosts, "vars": {"ansible_connection": "local"}}})
    )
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    for program, text in {"systemctl": SYSTEMCTL, "nft": NFT}.items():
        (tmp_path / program).write_text(text)
        (tmp_path / program).chmod(0o755)
    return Playbooks(tmp_path / "hosts.json")


def left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_whatever_is_there_of_it_is_removed(playbooks: Playbooks, tmp_path: Path) -> None:
    variables = {
        "firewall_enabled": False,
        "firewall_dir": "{{ folder }}/rules",
        "__firewall_unit_dir": "{{ folder }}/units",
        "programs": str(tmp_path),
    }
    command = (str(tmp_path / "play.yml"), f"--extra-vars={json.dumps(variables)}")

    check = playbooks.play(*command, "--check", "--limit=never,in_use")
    assert check.status == 0, check.output
    assert {name: left(tmp_path / name) for name in FOUND} == FOUND
    assert check.recap("never")["changed"] == 0
    assert check.recap("in_use")["changed"] > 0

    first = playbooks.play(*command)
    assert first.status == 0, first.output
    assert {name: left(tmp_path / name) for name in FOUND} == {name: set() for name in FOUND}
    assert {name for name in FOUND if first.recap(name)["changed"] == 0} == {"never"}
