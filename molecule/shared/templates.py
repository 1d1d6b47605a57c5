"""What roles make of their templates and of expressions."""

from __future__ import annotations

import functools
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template
from runs import REPOSITORY


@functools.cache
def ansible() -> DataLoader:
    """Return what reads files as Ansible does, once its plugins are known."""
    init_plugin_loader()
    return DataLoader()


def template(role: str, name: str, settings: dict[str, object]) -> str:
    """Return what a template of a role makes of some settings, with the role's own for all others."""
    text: str = evaluate(role, f"lookup('ansible.builtin.template', '{name}')", settings)
    return text


def evaluate(role: str, expression: str, settings: dict[str, object]) -> Any:
    """Return what an expression is worth in a role with some settings, and the role's own for all others."""
    loader, folder = ansible(), REPOSITORY / "roles" / role
    variables: dict[str, object] = {"ansible_search_path": [str(folder)]}
    for path in (
        folder / "defaults/main.yml",
        *sorted(folder.glob("vars/main/*")),
        *folder.glob("vars/main.yml"),
    ):
        variables |= loader.load_from_file(str(path), trusted_as_template=True)
    return Templar(loader, variables=variables | settings).template(
        trust_as_template(f"{{{{ {expression} }}}}")
    )
