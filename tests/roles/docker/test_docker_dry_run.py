"""A dry run on a bare host says that the engine would be installed, and does not miss its unit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runs import Playbooks

PLAYBOOK = """
- name: Start
  hosts: localhost
  connection: local
  gather_facts: false
  environment:
    PATH: "{{ programs }}:/usr/bin:/bin"
  tasks:
    - name: Have systemd
      ansible.builtin.set_fact:
        service_mgr: systemd
        cacheable: true

    - name: Start the engine
      ansible.builtin.include_role:
        name: docker
        tasks_from: start
"""
# Knows no unit.
SYSTEMCTL = """#!/bin/sh
[ "$1" = show ] && echo LoadState=not-found
"""


@pytest.mark.parametrize(
    ("installed", "status"),
    # The second is the control: installed before, it has to have a unit.
    [(True, 0), (False, 2)],
    ids=["would be installed", "is installed"],
)
def test_a_unit_that_is_still_to_be_installed(tmp_path: Path, installed: bool, status: int) -> None:
    for program, text in {"systemctl": SYSTEMCTL, "journalctl": "#!/bin/sh\n"}.items():
        (tmp_path / program).write_text(text)
        (tmp_path / program).chmod(0o755)
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    variables = {"__docker_installed": {"changed": installed}, "programs": str(tmp_path)}

    run = Playbooks(Path("localhost,")).play(
        str(tmp_path / "play.yml"), f"--extra-vars={json.dumps(variables)}", "--check"
    )

    assert run.status == status, run.output
