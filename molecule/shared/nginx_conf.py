"""nginx's configuration as the role renders it, and what a linter says of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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


def render(settings: dict[str, object], folder: Path) -> Path:
    """Write the configuration that some settings make into an empty folder."""
    path = folder / "nginx.conf"
    task = {"src": str(ROLE / "templates/nginx.conf.j2"), "dest": str(path), "mode": "0644"}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(ROLE / "defaults/main.yml"), str(ROLE / "vars/main.yml")],
        "tasks": [{"ansible.builtin.template": task}],
    }
    (folder / "files").symlink_to(ROLE / "files")
    (folder / "play.yml").write_text(json.dumps([play]))
    program = Path(sys.executable).with_name("ansible-playbook")
    words = ["--inventory=localhost,", "--connection=local", f"--extra-vars={json.dumps(settings)}"]
    subprocess.run([program, folder / "play.yml", *words], check=True, capture_output=True)
    return path


def lint(configuration: Path) -> subprocess.CompletedProcess[str]:
    gixy = Path(sys.executable).with_name("gixy")
    return subprocess.run([gixy, configuration], capture_output=True, text=True, check=False)


def assert_sound(configuration: Path) -> None:
    """Check that the linter has nothing to say."""
    result = lint(configuration)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert "No issues found" in result.stdout
