"""Networks that are there keep their bridges."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runs import Playbooks

PLAYBOOK = """
- name: Check
  hosts: localhost
  connection: local
  gather_facts: false
  environment:
    PATH: "{{ programs }}:/usr/bin:/bin"
  tasks:
    - name: Check the bridges
      ansible.builtin.include_role:
        name: stack
        tasks_from: preflight_bridges
"""
# Has two of the networks, and fails for those that it does not have.
DOCKER = """#!/bin/sh
echo "$@" > {folder}/told
echo frontend br-django-front
echo backend br-django-back
echo "Error response from daemon: network django_egress not found" >&2
exit 1
"""
BRIDGES = {
    "frontend": "br-django-front",
    "backend": "br-django-back",
    "database": "br-other-db",
    "egress": "br-django-out",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"backend": "br-other"}, "which has backend br-django-back: put these names back"),
    ],
    ids=["the same", "another"],
)
def test_a_bridge_that_is_there_keeps_its_name(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    (tmp_path / "docker").write_text(DOCKER.format(folder=tmp_path))
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    variables = {"stack_bridges": BRIDGES | changes, "programs": str(tmp_path)}

    run = Playbooks(Path("localhost,")).play(
        str(tmp_path / "play.yml"), f"--extra-vars={json.dumps(variables)}"
    )

    assert run.status == (2 if said else 0), run.output
    assert said in " ".join(run.output.split())
    told = (tmp_path / "told").read_text()
    assert '--format {{ index .Labels "com.docker.compose.network" }} {{ index .Options' in told
    assert told.endswith("}} django_frontend django_backend django_database django_egress\n")
