"""The scenario whose tests run: its machines, and the playbooks on them.

Molecule starts the tests in the scenario's folder; so does who runs one of them by hand.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from string import Template

import testinfra
import yaml
from runs import REPOSITORY, Playbooks
from testinfra.host import Host

FOLDER = Path.cwd()


def _inventories() -> tuple[Path, ...]:
    """Return the inventories that molecule deploys with: the scenario's own, or those of all scenarios."""
    places = {"MOLECULE_PROJECT_DIRECTORY": REPOSITORY, "MOLECULE_SCENARIO_DIRECTORY": FOLDER}
    if not (FOLDER / "molecule.yml").exists():
        raise LookupError("start the tests of a scenario in its folder: cd molecule/http && pytest tests")
    for file in (FOLDER / "molecule.yml", REPOSITORY / ".config/molecule/config.yml"):
        found = re.findall(r"--inventory=(\S+)", file.read_text())
        if found:
            return tuple(Path(Template(path).substitute(places)) for path in found)
    raise LookupError("molecule is told no inventory")


INVENTORIES = _inventories()
PLAYBOOKS = Playbooks(*INVENTORIES)
# By name of each host that is deployed to.
ADDRESSES: dict[str, str] = {
    name: variables["ansible_host"]
    for name, variables in yaml.safe_load((INVENTORIES[-1] / "hosts.yml").read_text())["django"][
        "hosts"
    ].items()
}


@cache
def _project() -> str:
    """Return the name that Compose has for the scenario's machines."""
    return str(yaml.safe_load((FOLDER / "hosts/compose.yml").read_text())["name"])


def machine(name: str) -> str:
    """Return the name of the container that is a machine."""
    return f"{_project()}-{name}-1"


def connect(name: str) -> Host:
    """Return a machine, as root."""
    return testinfra.get_host(f"docker://{machine(name)}")
