"""A new environment is a copy of inventories/prod with an address in it, wherever the copy lies."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from runs import REPOSITORY, Playbooks

HOST = "staging.example.org"
# Settings of the inventory, and what the wiring makes of a role's.
PLAYBOOK = f"""
- name: Show
  hosts: django
  connection: local
  gather_facts: false
  vars_files: ["{REPOSITORY}/playbooks/vars/wiring.yml"]
  tasks:
    - name: Show the variables
      ansible.builtin.debug:
        msg: "<{{{{ [stack_server_names, firewall_enabled, wheels_cache_dir] | to_json }}}}>"
"""


def shown(tmp_path: Path, inventory: Path) -> list[object]:
    playbook = tmp_path / "show.yml"
    playbook.write_text(PLAYBOOK)
    run = Playbooks(inventory).play(str(playbook))
    assert run.status == 0, run.output
    found = re.search(r"<(.*)>", run.output.replace("\n", " "))
    assert found, run.output
    result: list[object] = json.loads(re.sub(r"\s+", " ", found[1]))
    return result


def test_a_copy_has_the_settings_of_production_and_its_own_host(tmp_path: Path) -> None:
    staging = tmp_path / "staging"
    shutil.copytree(REPOSITORY / "inventories/prod", staging, symlinks=True)
    hosts = staging / "hosts.yml"
    text = hosts.read_text()
    assert "hosts: {}" in text
    hosts.write_text(text.replace("hosts: {}", f"hosts: {{{HOST}: {{ansible_host: 203.0.113.11}}}}"))

    names, firewall, cache = shown(tmp_path, staging)

    assert names == ["203.0.113.11", HOST, "localhost", "127.0.0.1"]
    assert firewall is True
    assert cache == str(REPOSITORY / ".cache/wheels")
    assert list(Playbooks(staging).play("site.yml", "--list-hosts").output.split()).count(HOST) == 3


def test_no_inventory_has_a_link_that_a_copy_would_break() -> None:
    assert [path for path in (REPOSITORY / "inventories").rglob("*") if path.is_symlink()] == []
