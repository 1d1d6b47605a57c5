#!/usr/bin/python
"""Tell how much memory and free disk a host has, and how many processors."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_resources
short_description: Tell how much memory and free disk a host has, and how many processors
description:
  - Three numbers in one round trip. The facts of M(ansible.builtin.setup) about disks leave out file systems
    without a device, such as a container's.
options:
  path:
    description: Folder whose file system's free space is told.
    type: path
    required: true
attributes:
  check_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
memory_mb:
  description: Size of the memory, in MiB.
  type: int
  returned: success
processors:
  description: Number of the processors that may be used.
  type: int
  returned: success
free_mb:
  description: Space that is left for users of the file system who are not root, in MiB.
  type: int
  returned: success
"""

EXAMPLES = r"""
- name: Read the sizes of the memory and of the free disk, and the number of processors
  host_resources:
    path: /var/lib
"""

import os  # noqa: E402 - Ansible reads the documentation above first
import re  # noqa: E402
from pathlib import Path  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

MEMINFO = Path("/proc/meminfo")


def memory_mb(meminfo: str) -> int:
    """Read the size of the memory, in MiB.

    Args:
        meminfo: Content of /proc/meminfo, which counts in KiB.

    Raises:
        ValueError: It does not tell.
    """
    found = re.search(r"^MemTotal:\s+(\d+) kB$", meminfo, re.MULTILINE)
    if not found:
        raise ValueError(f"{MEMINFO} has no line MemTotal")
    return int(found[1]) // 1024


def free_mb(path: Path) -> int:
    """Return the space that is left on a folder's file system, in MiB.

    Raises:
        OSError: The folder can't be looked at.
    """
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize // 2**20


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True
    )
    try:
        result = {
            "memory_mb": memory_mb(MEMINFO.read_text()),
            "processors": len(os.sched_getaffinity(0)),
            "free_mb": free_mb(Path(module.params["path"])),
        }
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"the host's memory and disk can't be read: {error}")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
