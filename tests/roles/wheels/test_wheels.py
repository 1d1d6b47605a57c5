"""Runs on one controller that need the same wheels at the same time fetch them once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from runs import Playbooks

PLAYBOOK = """
- name: Fetch
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Find out what kind of machine it is
      ansible.builtin.setup:
        gather_subset: ["!all", platform]

    - name: Fetch wheels
      ansible.builtin.include_role:
        name: wheels
"""
# Notes that it was called, and works for as long as nobody else waits for the folder of wheels.
PIP = """
import pathlib, sys, time
with open({calls!r}, "a") as calls:
    calls.write("call\\n")
wheels = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
wheels.mkdir()
(wheels / "begun").touch()
waiter = f":{{wheels.parent.stat().st_ino}} "
until = time.monotonic() + 60
while not any("->" in lock and waiter in lock for lock in open("/proc/locks")):
    assert time.monotonic() < until, "nobody else came"
    time.sleep(0.1)
(wheels / "one.whl").touch()
"""


def test_two_runs_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, cache = tmp_path / "calls", tmp_path / "cache"
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip/__init__.py").touch()
    (tmp_path / "pip/__main__.py").write_text(PIP.format(calls=str(calls)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "lock.txt").touch()
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    variables = json.dumps({"wheels_lock": str(tmp_path / "lock.txt"), "wheels_cache_dir": str(cache)})
    command = (str(tmp_path / "play.yml"), f"--extra-vars={variables}")

    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda _: Playbooks(Path("localhost,")).play(*command), range(2)))

    assert [run.status for run in runs] == [0, 0], runs
    assert calls.read_text() == "call\n"
    (wheels,) = cache.iterdir()
    assert {path.name for path in wheels.iterdir()} == {"begun", "one.whl"}
