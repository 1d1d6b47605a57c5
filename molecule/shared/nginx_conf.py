"""nginx's configuration as the role renders it, and what a linter says of it."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template
from runs import REPOSITORY

ROLE = REPOSITORY / "roles/stack"
# The role's own, and what is furthest from it.
SETTINGS: dict[str, dict[str, object]] = {
    "defaults": {},
    "no limits": {"stack_client_connections": 0, "stack_client_requests_per_second": 0},
    "lowest": {"stack_client_connections": 1, "stack_client_requests_per_second": 1, "stack_max_body_mb": 1},
    "highest": {
        "stack_client_connections": 65535,
        "stack_client_requests_per_second": 100000,
        "stack_max_body_mb": 10240,
    },
    "names": {
        "stack_server_names": ["Films.example.org", ".example.net", "[2001:db8::1]", f"{'a.' * 120}org"]
    },
}


@functools.cache
def ansible() -> DataLoader:
    """Return what reads files as Ansible does, once its plugins are known."""
    init_plugin_loader()
    loader = DataLoader()
    loader.set_basedir(str(ROLE))
    return loader


def template(name: str, settings: dict[str, object]) -> str:
    """Return what a template of the role makes of some settings."""
    text: str = evaluate(f"lookup('ansible.builtin.template', '{name}')", settings)
    return text


def evaluate(expression: str, settings: dict[str, object]) -> Any:
    """Return what an expression is worth where the role has some settings."""
    loader = ansible()
    variables: dict[str, object] = {"ansible_search_path": [str(ROLE)]}
    for path in (ROLE / "defaults/main.yml", *(ROLE / "vars/main").iterdir()):
        variables |= loader.load_from_file(str(path), trusted_as_template=True)
    return Templar(loader, variables=variables | settings).template(
        trust_as_template(f"{{{{ {expression} }}}}")
    )


def render(settings: dict[str, object], folder: Path) -> Path:
    """Write the configuration that some settings make into a folder."""
    path = folder / "nginx.conf"
    path.write_text(template("nginx.conf.j2", settings))
    return path


def lint(configuration: Path) -> subprocess.CompletedProcess[str]:
    gixy = Path(sys.executable).with_name("gixy")
    return subprocess.run([gixy, configuration], capture_output=True, text=True, check=False)


def assert_sound(configuration: Path) -> None:
    """Check that the linter has nothing to say."""
    result = lint(configuration)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert "No issues found" in result.stdout
