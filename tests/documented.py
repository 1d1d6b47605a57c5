"""What a module says of itself, and what it takes when Ansible runs it."""

from __future__ import annotations

import runpy
from types import ModuleType
from typing import Any, NoReturn

import pytest
import yaml


class DeclaredError(Exception):
    """Ends a module as soon as it has told Ansible what it takes."""


def options(found: dict[str, Any], inner: str) -> dict[str, Any]:
    """Return options in one form.

    Args:
        found: Options by their names, as in a documentation or an argument specification.
        inner: What the options of an option are called in it.
    """
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": option.get("choices"),
            "options": options(option.get(inner) or {}, inner),
        }
        for name, option in found.items()
    }


def assert_as_documented(module: ModuleType) -> None:
    """Check that a module, run as a program, takes what its documentation says and nothing else."""

    def declare(argument_spec: dict[str, Any], *, supports_check_mode: bool = False) -> NoReturn:
        raise DeclaredError(options(argument_spec, "options"), supports_check_mode)

    assert module.__file__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ansible.module_utils.basic.AnsibleModule", declare)
        with pytest.raises(DeclaredError) as declared:
            runpy.run_path(module.__file__, run_name="__main__")

    documented = yaml.safe_load(module.DOCUMENTATION)
    check_mode = documented["attributes"]["check_mode"]["support"] != "none"
    assert declared.value.args == (options(documented.get("options", {}), "suboptions"), check_mode)
