"""An image whose files were changed after its tag was made of them is not built."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from runs import Playbooks
from source_archive import pack

PLAYBOOK = """
- name: Build
  hosts: localhost
  connection: local
  gather_facts: false
  environment:
    PATH: "{{ programs }}:/usr/bin:/bin"
  tasks:
    - name: Build images
      ansible.builtin.include_role:
        name: images
        tasks_from: build
"""


@pytest.mark.parametrize(
    ("hashed", "said"),
    [
        (
            "print('before')",
            "A file that the image api is made from was changed while it was read: run this again.",
        ),
        # The control: it gets as far as Docker.
        ("print('now')", "django/python:1 does not build: this is no Docker"),
    ],
    ids=["changed meanwhile", "unchanged"],
)
def test_what_is_packed_is_what_was_hashed(tmp_path: Path, hashed: str, said: str) -> None:
    manage = tmp_path / "app/manage.py"
    manage.parent.mkdir()
    manage.write_text(hashed)
    sources = [{"path": str(manage.parent), "name": "app"}]
    before = hashlib.sha256(pack(sources, [])).hexdigest()
    manage.write_text("print('now')")
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho this is no Docker\nexit 1\n")
    docker.chmod(0o755)
    variables = {
        "__images_contexts": {name: {"hashed": sources, "brought": []} for name in ("api", "python")},
        # Python's has wheels as well, and therefore another checksum.
        "__images_sources": {"checksums": {"api": before, "python": "of less than is packed"}},
        "__images_missing": ["api", "python"],
        "__images_build_args": {"api": {}, "python": {}},
        "images_refs": {"api": "django/api:1", "python": "django/python:1"},
        "images_app_dir": str(manage.parent),
        "images_archive_dir": str(tmp_path / "archives"),
        "images_dir": str(tmp_path / "build"),
        "images_wheels_dir": str(tmp_path),
        "programs": str(tmp_path),
    }
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    run = Playbooks(Path("localhost,")).play(
        str(tmp_path / "play.yml"), f"--extra-vars={json.dumps(variables)}"
    )

    assert run.status != 0
    assert said in " ".join(run.output.split())
