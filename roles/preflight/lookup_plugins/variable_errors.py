"""Find variables that are misspelt, of the wrong type or without effect: none may be passed over."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from contextlib import suppress
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
  - Returns one phrase for each variable that is unknown, that has not the type its role asks for, or that an
    inventory sets although the wiring of the roles does.
  - Reads C(meta/argument_specs.yml) of all roles beside the one that it belongs to.
options:
  others:
    description: Known variables without a role's prefix.
    type: list
    elements: str
    default: []
  wiring:
    description: File whose variables each play reads, and that win over an inventory's. Empty for none.
    type: str
    default: ""
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


def without_effect(
    inventory: Mapping[str, Any], used: Mapping[str, Any], wiring: Mapping[str, Any]
) -> list[str]:
    """Name each variable of the inventory that the wiring overrides.

    Args:
        inventory: What the inventory and the command line set, by name.
        used: The values that the run uses, by name. Those of the command line win over the wiring.
        wiring: What the wiring sets, by name.

    Returns:
        One phrase per variable, in the order of the wiring.
    """
    return [
        f"{name} has no effect in an inventory, as the wiring sets it to {value!r}: remove it"
        for name, value in wiring.items()
        if name in inventory and inventory[name] != used.get(name)
    ]


def read_options(roles: Path) -> dict[str, dict[str, Any]]:
    """Read the options of all entry points of all roles.

    Raises:
        AnsibleError: There is no role with a readable argument specification.
    """
    options: dict[str, dict[str, Any]] = {}
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        try:
            entries = yaml.safe_load(path.read_text())["argument_specs"]
        except (OSError, KeyError) as error:
            raise AnsibleError(f"{path} can't be read: {error}") from error
        for entry in entries.values():
            options |= entry.get("options", {})
    if not options:
        raise AnsibleError(f"no role in {roles} has an argument specification")
    return options


class LookupModule(LookupBase):  # type: ignore[misc] # ansible ships no types
    """Make the functions known to Ansible."""

    def run(
        self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: object
    ) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        variables = variables or {}
        options = read_options(Path(__file__).resolve().parents[2])
        values = self._values(options, variables)
        wiring: dict[str, Any] = {}
        if path := self.get_option("wiring"):
            wiring = yaml.safe_load(Path(path).read_text())
        inventory = variables["hostvars"][variables["inventory_hostname"]] if wiring else {}
        set_twice = {name: inventory[name] for name in wiring if name in inventory}
        return [
            *unknown(variables, [*options, *wiring, *self.get_option("others")]),
            *mistyped(values, options),
            *without_effect(set_twice, self._values(wiring, variables), wiring),
        ]

    def _values(self, names: Iterable[str], variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of those variables that are set and can be known by now."""
        values = {}
        for name in names:
            if name in variables:
                # What is made of facts that a later role leaves is seen by that role's own validation.
                with suppress(AnsibleError):
                    values[name] = self._templar.template(variables[name])
        return values
