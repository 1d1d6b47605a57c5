"""Lets tests import what modules share, from where Ansible finds it."""

from pathlib import Path

import ansible.module_utils

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = [REPOSITORY / "module_utils", *sorted(REPOSITORY.glob("roles/*/module_utils"))]
ansible.module_utils.__path__.extend(map(str, SHARED))
