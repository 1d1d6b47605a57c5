"""nginx's configuration as the role renders it, and what a linter says of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import templates

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


def template(name: str, settings: dict[str, object]) -> str:
    """Return what a template of the role makes of some settings."""
    return templates.template("stack", name, settings)


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
