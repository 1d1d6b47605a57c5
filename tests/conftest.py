"""Lets tests import what the roles' modules share, from where Ansible finds it."""

from pathlib import Path

import ansible.module_utils

ROLES = Path(__file__).resolve().parents[1] / "roles"
ansible.module_utils.__path__.extend(str(path) for path in sorted(ROLES.glob("*/module_utils")))
