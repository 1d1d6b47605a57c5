"""What the project has: the variables, tags, options, commands and messages that its documents name."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
ROLES = REPOSITORY / "roles"
PLAYS = [REPOSITORY / "site.yml", *sorted((REPOSITORY / "playbooks").glob("*.yml"))]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@cache
def text(*folders: str) -> str:
    """Return all text below folders as one line, without the joints of strings that are split."""
    tops = [REPOSITORY / folder for folder in folders]
    files = [path for top in tops for path in ([top] if top.is_file() else sorted(top.rglob("*")))]
    found = [path.read_text(errors="replace") for path in files if path.is_file() and path.suffix != ".pyc"]
    whole = " ".join(" ".join(found).split())
    # "first half of it" f" and the second"
    return re.sub(r"""(["']) f?\1""", "", whole)


@cache
def options() -> dict[str, dict[str, Any]]:
    """Return what the roles' argument specifications say of each variable."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(ROLES.glob("*/meta/argument_specs.yml")):
        for entry in load(path)["argument_specs"].values():
            found |= entry.get("options", {})
    return found


@cache
def facts() -> set[str]:
    """Return the names that a role sets for others."""
    found = set()
    for path in ROLES.glob("*/tasks/*.yml"):
        for names, indent in re.findall(r"set_fact:\n(( +)\w+:.*\n(?:\2.*\n)*)", path.read_text()):
            found |= set(re.findall(rf"^{indent}(\w+):", names, re.MULTILINE))
    return found


@cache
def wiring() -> dict[str, Any]:
    found: dict[str, Any] = load(REPOSITORY / "playbooks/vars/wiring.yml")
    return found


@cache
def variables() -> set[str]:
    """Return all names that may be set or that a role leaves."""
    return set(options()) | set(wiring()) | set(wiring()["preflight_other_variables"]) | facts()


@cache
def defaults() -> dict[str, Any]:
    """Return the default of each variable, as a user of inventories/prod has it."""
    found: dict[str, Any] = {}
    files = [
        *sorted(ROLES.glob("*/defaults/main.yml")),
        REPOSITORY / "inventories/prod/group_vars/django/main.yml",
    ]
    for path in files:
        found |= load(path)
    return found


@cache
def tags() -> set[str]:
    found: set[str] = set()
    for path in PLAYS:
        for words in re.findall(r"^\s+tags: \[?([^]\n]+)\]?$", path.read_text(), re.MULTILINE):
            found |= set(words.replace(",", " ").split())
    return found


@cache
def playbook_options() -> set[str]:
    """Return the options of ansible-playbook."""
    said = subprocess.run(["ansible-playbook", "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", said))


@cache
def scenarios() -> set[str]:
    return {path.parent.name for path in (REPOSITORY / "molecule").glob("*/molecule.yml")}


def words_of(script: Path) -> set[str]:
    """Return the words in quotes of a program of ours and of the module that it starts."""
    files = [script]
    for module, path in re.findall(r"python3? (?:-m ([\w.]+)|([\w/.]+\.py))", script.read_text()):
        files += [REPOSITORY / path] if path else (REPOSITORY / module.replace(".", "/")).glob("*.py")
    return {word for file in files for word in re.findall(r"""["']([\w-]+)["']""", file.read_text())}


@cache
def manage_commands() -> set[str]:
    """Return the commands of manage.py: Django's, its contributed apps' and the app's own."""
    import django.contrib

    folders = [Path(django.__file__).parent / "core/management/commands"]
    folders += Path(django.contrib.__file__ or "").parent.glob("*/management/commands")
    folders += (REPOSITORY / "app").glob("*/management/commands")
    return {path.stem for folder in folders for path in folder.glob("*.py")}


@cache
def host_paths() -> str:
    """Return all text of the roles, with the variables that paths are made of replaced by their defaults."""
    found = text("roles", "library", "module_utils", "playbooks")
    watchdog_unit = f"{defaults()['watchdog_project']}-watchdog"
    known = defaults() | {"__watchdog_unit": watchdog_unit, "__guard_unit_dir": "/etc/systemd/system"}
    for name, value in known.items():
        if isinstance(value, str):
            found = found.replace(f"{{{{ {name} }}}}", value)
    return found
