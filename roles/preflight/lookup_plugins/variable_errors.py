"""Find variables that are misspelt or of the wrong type: neither may fall back to a default."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: variable_errors
short_description: What is wrong with the variables that are set, by the roles' argument specifications
description:
  - Returns one phrase for each variable that is unknown, or that has not the type its role asks for.
options:
  _terms:
    description: Names of the roles whose C(meta/argument_specs.yml) are read.
    required: true
  others:
    description: Known variables without a role's prefix.
    type: list
    elements: str
    default: []
"""

# How alike two names must be for the one to count as a misspelling of the other.
# Below, a user's own variables would be taken for typos.
_SIMILARITY = 0.88


def unknown(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Name each variable that nothing reads, with the one that was probably meant.

    Args:
        names: Names of all variables that are set.
        known: Names that some role reads.

    Returns:
        One phrase per unknown variable, sorted. Unknown is what has the prefix of
        a known variable, or is nearly a known name.
    """
    options = sorted(set(known))
    prefixes = tuple({f"{option.split('_')[0]}_" for option in options})
    found = []
    for name in sorted(set(names) - set(options)):
        # Ansible's own, and those that a role has for itself.
        if name.startswith(("ansible_", "__")):
            continue
        meant = difflib.get_close_matches(name, options, n=1, cutoff=_SIMILARITY)
        if meant:
            found.append(f"{name} is unknown, did you mean {meant[0]}?")
        elif name.startswith(prefixes):
            found.append(f"{name} is unknown, no role reads it: remove it or correct its name")
    return found


def mistyped(values: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say of each variable that has the wrong type, or none of the allowed values, what it has to be.

    Args:
        values: Variables by name.
        options: Argument specifications by name of variable.

    Returns:
        One phrase per wrong variable, in the order of the specifications.
    """
    found = []
    for name, option in options.items():
        if name not in values:
            continue
        spec = {key: option[key] for key in ("type", "elements", "choices") if key in option}
        # A text of digits is in no range, and "false" would count as true.
        is_text = spec["type"] in ("int", "bool") and isinstance(values[name], str)
        if is_text or ArgumentSpecValidator({name: spec}).validate({name: values[name]}).error_messages:
            wanted = spec["type"] + (f" of {spec['elements']}" if "elements" in spec else "")
            if "choices" in spec:
                wanted = "one of " + ", ".join(map(str, spec["choices"]))
            said = "of the wrong kind" if option.get("no_log") else repr(values[name])
            hint = f""" (on the command line as JSON: -e '{{"{name}": …}}')""" if is_text else ""
            found.append(f"{name} is {said}, it must be {wanted}{hint}")
    return found


def read_options(roles: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read the options of all entry points of the roles.

    Raises:
        AnsibleError: A role has no readable argument specification.
    """
    options: dict[str, dict[str, Any]] = {}
    for name in names:
        path = roles / name / "meta" / "argument_specs.yml"
        try:
            entries = yaml.safe_load(path.read_text())["argument_specs"]
        except (OSError, KeyError) as error:
            raise AnsibleError(f"{path} can't be read: {error}") from error
        for entry in entries.values():
            options |= entry.get("options", {})
    return options


class LookupModule(LookupBase):  # type: ignore[misc] # ansible ships no types
    """Make the functions known to Ansible."""

    def run(
        self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: object
    ) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        variables = variables or {}
        options = read_options(Path(__file__).resolve().parents[2], terms)
        values = {}
        for name in options.keys() & variables.keys():
            try:
                values[name] = self._templar.template(variables[name])
            except AnsibleError:
                # Made of facts that a later role leaves; that role's own validation sees it.
                continue
        return unknown(variables, [*options, *self.get_option("others")]) + mistyped(values, options)
