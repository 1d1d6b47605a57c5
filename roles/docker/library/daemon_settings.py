#!/usr/bin/python
"""Add settings to those that Docker's engine has, without losing any."""

from __future__ import annotations

DOCUMENTATION = r"""
module: daemon_settings
short_description: Add settings to those that Docker's engine has, without losing any
description:
  - What the file has already stays, and wins over what is to be added. So does what the engine that runs was
    given on its command line, as it refuses to start with the same setting in both places.
  - C(log-opts) belong to a log driver. They are left alone where the user has chosen another driver.
  - It fails if C(live-restore) would be added to an engine in a swarm, which does not start then.
  - Where the engine can validate a file, it has to accept this one before it is put in place.
  - The engine is not restarted. O(pending) is there from before the file is written until somebody has done
    that, so that a run that was killed in between is finished by the next.
options:
  settings:
    description: What is to be added, as in the file.
    type: dict
    required: true
  path:
    description: The engine's configuration file.
    type: path
    default: /etc/docker/daemon.json
  pending:
    description: File that says that the engine runs with other settings than those in the file.
    type: path
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
pending:
  description: Whether the engine has to be restarted, if it runs.
  type: bool
  returned: always
"""

EXAMPLES = r"""
- name: Keep containers while the engine restarts
  daemon_settings:
    settings: {live-restore: true}
    pending: /run/docker-settings-pending
"""

import json  # noqa: E402 - Ansible reads the documentation above first
import subprocess  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.files import write  # noqa: E402

PID_FILE = Path("/run/docker.pid")
# Flags that are called otherwise than in the file.
FLAGS = {"log-opt": "log-opts", "default-ulimit": "default-ulimits"}


class SettingsError(Exception):
    """The settings can't be used; the text says why and what to do."""


def read(path: Path) -> dict[str, Any]:
    """Return the settings that are in the file.

    Raises:
        SettingsError: It is there and can't be understood.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise SettingsError(f"{path} is no JSON ({error}): correct it, the engine can't read it") from error
    if not isinstance(found, dict):
        raise SettingsError(f"{path} is no JSON object: correct it, the engine can't read it")
    return found


def flags(pid_file: Path) -> set[str]:
    """Return the settings, by their names in the file, that the engine which runs has on its command line."""
    try:
        pid = int(pid_file.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (OSError, ValueError):
        return set()
    names = {word.lstrip("-").partition("=")[0] for word in words if word.startswith("--")}
    return {FLAGS.get(name, name) for name in names}


def merge(theirs: dict[str, Any], ours: dict[str, Any], given: set[str]) -> dict[str, Any]:
    """Add our settings to theirs.

    Args:
        theirs: Settings in the file.
        ours: Settings to add.
        given: Names of those on the command line.
    """
    added = {name: value for name, value in ours.items() if name not in given}
    driver = theirs.get("log-driver", ours.get("log-driver"))
    if driver != ours.get("log-driver") or "log-driver" in given:
        added.pop("log-opts", None)
    merged = theirs | {name: value for name, value in added.items() if name not in theirs}
    for name, value in added.items():
        if isinstance(value, dict) and isinstance(theirs.get(name), dict):
            merged[name] = value | theirs[name]
    return merged


def refuse_swarm() -> None:
    """Have no engine that is part of a swarm.

    Raises:
        SettingsError: It is.
    """
    try:
        result = subprocess.run(
            ["docker", "info", "--format", "{{ .Swarm.LocalNodeState }}"],  # noqa: S607 - as users find it
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return
    if result.stdout.strip() in ("active", "locked"):
        raise SettingsError(
            "the engine is part of a swarm, with which it does not start if live-restore is on: "
            "leave that out of docker_daemon_settings"
        )


def validate(path: Path) -> None:
    """Have the engine read a file, if there is one that can.

    Raises:
        SettingsError: It does not accept it.
    """
    try:
        result = subprocess.run(  # noqa: S603 - no shell
            ["dockerd", "--validate", f"--config-file={path}"],  # noqa: S607 - as systemd finds it
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return
    # Engines before 23.0 can't.
    if result.returncode and "unknown flag: --validate" not in result.stderr:
        raise SettingsError(f"the engine does not accept the settings: {result.stderr.strip()}")


def put(path: Path, text: str, pending: Path) -> None:
    """Put the file in place, whole and accepted by the engine.

    Args:
        path: The file.
        text: What is to be in it.
        pending: File to make before.

    Raises:
        SettingsError: It isn't accepted.
    """
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    mode, owner = 0o644, None
    if path.exists():
        # They may have been chosen.
        status = path.stat()
        mode, owner = status.st_mode & 0o777, (status.st_uid, status.st_gid)

    def check(candidate: Path) -> None:
        validate(candidate)
        pending.touch()

    write(path, text, mode=mode, owner=owner, check=check)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "settings": {"type": "dict", "required": True},
            "path": {"type": "path", "default": "/etc/docker/daemon.json"},
            "pending": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    path, pending = Path(module.params["path"]), Path(module.params["pending"])
    try:
        theirs = read(path)
        merged = merge(theirs, module.params["settings"], flags(PID_FILE))
        if merged.get("live-restore") and not theirs.get("live-restore"):
            refuse_swarm()
        changed = merged != theirs
        if changed and not module.check_mode:
            put(path, json.dumps(merged, indent=2) + "\n", pending)
    except (SettingsError, OSError) as error:
        module.fail_json(msg=str(error))
    texts = {"before": json.dumps(theirs, indent=2) + "\n", "after": json.dumps(merged, indent=2) + "\n"}
    module.exit_json(changed=changed, pending=changed or pending.exists(), diff=texts if changed else {})


if __name__ == "__main__":
    main()
