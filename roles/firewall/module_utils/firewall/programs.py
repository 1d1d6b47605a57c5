"""What programs of the host say."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule


def said_by(module: AnsibleModule, *command: str) -> str:
    """Return what a command says; nothing if it is not there or fails."""
    program = module.get_bin_path(command[0])
    if not program:
        return ""
    status, output, _ = module.run_command([program, *command[1:]])
    return str(output) if status == 0 else ""
