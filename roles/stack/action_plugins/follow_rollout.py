"""Say which migration runs while the module rollout does its work on the host."""

from __future__ import annotations

import copy
import json
import shlex
import threading
import time
from datetime import UTC, datetime
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

DOCUMENTATION = r"""
module: follow_rollout
short_description: Do what the module rollout does, and say meanwhile which migration runs
description:
  - Takes the options of the module C(rollout) and returns what that returns.
attributes:
  check_mode:
    support: full
author: the maintainers
"""

EXAMPLES = r"""
- name: Roll the release out
  follow_rollout:
    project_dir: /srv/django/stack
    secrets: "{{ secrets }}"
"""

# Seconds between two looks. A rollout without migrations is often over before the first.
PERIOD = 10


def describe(host: str, noted: str, now: float) -> str:
    """Say which migration runs on a host and since when; nothing if none does.

    Args:
        host: The host's name.
        noted: What the rollout has noted there.
        now: The time, in seconds since 1970.
    """
    if not noted:
        return ""
    found = json.loads(noted)
    begun = datetime.fromtimestamp(found["since"], UTC)
    seconds = now - found["since"]
    return f"Migrating {host}: {found['migration']} runs since {begun:%H:%M:%S} UTC, for {seconds:.0f} s"


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Run the module, and tell meanwhile."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        ended = threading.Event()
        teller = threading.Thread(target=self.tell, args=(ended, (task_vars or {})["inventory_hostname"]))
        if not self._task.check_mode:
            teller.start()
        try:
            result: dict[str, Any] = self._execute_module(module_name="rollout", task_vars=task_vars)
        finally:
            ended.set()
            if teller.ident:
                teller.join()
        return result

    def tell(self, ended: threading.Event, host: str) -> None:
        """Print which migration runs, again and again until the rollout has ended."""
        # The connection is busy with the module, and keeps in itself how far that has come.
        other = copy.copy(self)
        other._connection = copy.copy(self._connection)
        command = shlex.join(["cat", f"{self._task.args['project_dir']}/.migrating"])
        while not ended.wait(PERIOD):
            result = other._low_level_execute_command(command)
            if result["rc"] == 0 and (said := describe(host, result["stdout"].strip(), time.time())):
                Display().display(said)
