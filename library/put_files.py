#!/usr/bin/python
"""Put several small files in place at once, and into use."""

from __future__ import annotations

DOCUMENTATION = r"""
module: put_files
short_description: Put several small files in place at once, and into use
description:
  - For what belongs together, such as a program and its units. One round trip does what
    M(ansible.builtin.copy), M(ansible.builtin.template) and M(ansible.builtin.systemd_service) take several
    for, with each file and each unit.
  - The files are root's. Missing folders are made, open for all to read.
  - All files are validated before the first is written, and each appears whole. Nothing is validated in
    check mode, as what validates may still have to be installed.
  - With O(load) or O(units), the files are then put into use. Without both, a later task does that.
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Where it goes.
        type: path
        required: true
      content:
        description: What is in it.
        type: str
        required: true
      mode:
        description: Who may do what with it, in octal digits.
        type: str
        default: "0644"
      validate:
        description: Command that fails when the content is wrong; C(%s) stands for a file with it.
        type: str
  pending:
    description:
      - File that is there from before the first of them is written until all are in use. So a run that was
        killed in between is finished by the next, where a handler would be forgotten.
      - A folder that a reboot empties is the place for it.
    type: path
    required: true
  load:
    description: Commands that put the files into use. They run each time, so each must be safe to repeat.
    type: list
    elements: str
    default: []
  units:
    description: Units of systemd that have to run, now and after each boot.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the unit, with its ending.
        type: str
        required: true
      restart:
        description: >-
          Restart the unit when a file was written. For one that another unit requires, rather not: systemd
          would restart that, too.
        type: bool
        default: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
pending:
  description: Whether there were files not in use yet, written now or by a run that was killed.
  type: bool
  returned: success
"""

EXAMPLES = r"""
- name: Install a service and run it
  put_files:
    files:
      - {path: /usr/local/sbin/watch, content: "{{ program }}", mode: "0755"}
      - {path: /etc/systemd/system/watch.service, content: "{{ unit }}"}
    units: [{name: watch.service}]
    pending: /run/watch-pending
"""

import os  # noqa: E402 - Ansible reads the documentation above first
import tempfile  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.files import write  # noqa: E402


@dataclass(frozen=True)
class File:
    """A file as it has to be: root's, with this mode."""

    path: Path
    content: str
    mode: int
    validate: str | None

    def differs(self) -> bool:
        """Tell whether it is not there, or not as it has to be."""
        try:
            status = self.path.stat()
            found = (self.path.read_bytes(), status.st_uid, status.st_gid, status.st_mode & 0o7777)
        except FileNotFoundError:
            return True
        return found != (self.content.encode(), os.geteuid(), os.getegid(), self.mode)

    def diff(self) -> dict[str, str]:
        """Return what would change, as Ansible shows it."""
        names = {"before_header": str(self.path), "after_header": str(self.path)}
        before = self.path.read_text(errors="replace") if self.path.exists() else ""
        return names | {"before": before, "after": self.content}

    def error(self, module: AnsibleModule) -> str:
        """Return what its command says against the content; nothing if that is right."""
        if not self.validate:
            return ""
        with tempfile.NamedTemporaryFile("w", dir=module.tmpdir) as candidate:
            candidate.write(self.content)
            candidate.flush()
            status, output, errors = module.run_command(self.validate.replace("%s", candidate.name))
        return f"{self.path} would be wrong: {(errors or output).strip()}" if status else ""

    def put(self) -> None:
        """Make it appear whole."""
        self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write(self.path, self.content, mode=self.mode)


@dataclass(frozen=True)
class Unit:
    """A unit of systemd that has to run, now and after each boot."""

    name: str
    restart: bool
    module: AnsibleModule

    def systemctl(self, *words: str) -> bool:
        """Tell whether systemctl says yes."""
        return bool(self.module.run_command(["systemctl", "--quiet", *words, self.name])[0] == 0)

    def is_right(self) -> bool:
        return self.systemctl("is-enabled") and self.systemctl("is-active")

    def run(self, *, fresh: bool) -> None:
        """Start it, or restart it if its files are new.

        Raises:
            UseError: It does not run.
        """
        verb = "restart" if fresh and self.restart else "start"
        if not self.systemctl("enable") or not self.systemctl(verb):
            _, log, _ = self.module.run_command(
                ["journalctl", f"--unit={self.name}", "--lines=15", "--no-pager"]
            )
            raise UseError(
                f"{self.name} can't be started; correct what its journal says last and rerun:\n{log}"
            )


class UseError(Exception):
    """The files are in place and can't be put into use; the text says why and what to do."""


def use(module: AnsibleModule, units: list[Unit], *, fresh: bool) -> bool:
    """Put the files into use; return whether a unit did not run as it has to.

    Args:
        module: This one, with its O(load).
        units: The units.
        fresh: Whether there are files that are not in use yet.

    Raises:
        UseError: It can't be done.
    """
    for command in module.params["load"]:
        status, output, errors = module.run_command(command)
        if status:
            raise UseError(
                f"'{command}' failed; correct what it says and rerun: {(errors or output).strip()}"
            )
    if fresh and units:
        module.run_command(["systemctl", "daemon-reload"], check_rc=True)
    wrong = [unit for unit in units if not unit.is_right()]
    for unit in units if fresh else wrong:
        unit.run(fresh=fresh)
    return bool(wrong)


def main() -> None:
    """Run as an Ansible module."""
    file_options = {
        "path": {"type": "path", "required": True},
        "content": {"type": "str", "required": True},
        "mode": {"type": "str", "default": "0644"},
        "validate": {"type": "str"},
    }
    unit_options = {
        "name": {"type": "str", "required": True},
        "restart": {"type": "bool", "default": True},
    }
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True, "options": file_options},
            "pending": {"type": "path", "required": True},
            "load": {"type": "list", "elements": "str", "default": []},
            "units": {"type": "list", "elements": "dict", "default": [], "options": unit_options},
        },
        supports_check_mode=True,
    )
    files = [
        File(Path(file["path"]), file["content"], int(file["mode"], 8), file["validate"])
        for file in module.params["files"]
    ]
    units = [Unit(unit["name"], unit["restart"], module) for unit in module.params["units"]]
    pending = Path(module.params["pending"])
    idle = False
    try:
        wrong = [file for file in files if file.differs()]
        diff = [file.diff() for file in wrong]
        if wrong and not module.check_mode:
            if errors := [error for file in wrong if (error := file.error(module))]:
                module.fail_json(msg="; ".join(errors))
            pending.touch()
            for file in wrong:
                file.put()
        fresh = bool(wrong) or pending.exists()
        if module.check_mode:
            # Units that are still to be written can't be looked at.
            idle = not wrong and not all(unit.is_right() for unit in units)
        elif module.params["load"] or units:
            idle = use(module, units, fresh=fresh)
            pending.unlink(missing_ok=True)
    except UseError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{error.filename} can't be put in place: {error.strerror}")
    module.exit_json(changed=bool(wrong) or idle, pending=fresh, diff=diff)


if __name__ == "__main__":
    main()
