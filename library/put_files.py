#!/usr/bin/python
"""Put several small files in place at once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: put_files
short_description: Put several small files in place at once
description:
  - For what belongs together, such as a program and its units. One round trip does what
    M(ansible.builtin.copy) and M(ansible.builtin.template) take several for, with each file.
  - The files are root's. Missing folders are made, open for all to read.
  - All files are validated before the first is written, and each appears whole. Nothing is validated in
    check mode, as what validates may still have to be installed.
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
      - File that is there from before the first of them is written until somebody removes it, who has put
        them into use. So a run that was killed in between is finished by the next.
      - A folder that a reboot empties is the place for it.
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
  description: Whether there are files that are not in use yet.
  type: bool
  returned: success
"""

EXAMPLES = r"""
- name: Install a service
  put_files:
    files:
      - {path: /usr/local/sbin/watch, content: "{{ program }}", mode: "0755"}
      - {path: /etc/systemd/system/watch.service, content: "{{ unit }}"}
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


def main() -> None:
    """Run as an Ansible module."""
    suboptions = {
        "path": {"type": "path", "required": True},
        "content": {"type": "str", "required": True},
        "mode": {"type": "str", "default": "0644"},
        "validate": {"type": "str"},
    }
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True, "options": suboptions},
            "pending": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    files = [
        File(Path(file["path"]), file["content"], int(file["mode"], 8), file["validate"])
        for file in module.params["files"]
    ]
    pending = Path(module.params["pending"])
    try:
        wrong = [file for file in files if file.differs()]
        diff = [file.diff() for file in wrong]
        if wrong and not module.check_mode:
            if errors := [error for file in wrong if (error := file.error(module))]:
                module.fail_json(msg="; ".join(errors))
            pending.touch()
            for file in wrong:
                file.put()
    except OSError as error:
        module.fail_json(msg=f"{error.filename} can't be put in place: {error.strerror}")
    module.exit_json(changed=bool(wrong), pending=bool(wrong) or pending.exists(), diff=diff)


if __name__ == "__main__":
    main()
