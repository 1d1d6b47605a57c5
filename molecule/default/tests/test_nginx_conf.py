"""What a linter for nginx says of the configuration as it was rendered, and as it would be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, STACK, Target

ROLE = REPOSITORY / "roles/stack"
SETTINGS: dict[str, dict[str, object]] = {
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


def lint(configuration: Path) -> subprocess.CompletedProcess[str]:
    gixy = Path(sys.executable).with_name("gixy")
    return subprocess.run([gixy, configuration], capture_output=True, text=True, check=False)


@pytest.fixture
def configuration(target: Target, tmp_path: Path) -> Path:
    """A copy of a host's configuration."""
    path = tmp_path / "nginx.conf"
    path.write_text(target.run("cat %s", f"{STACK}/nginx/nginx.conf"))
    return path


def test_linter_is_silent(configuration: Path) -> None:
    result = lint(configuration)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert "No issues found" in result.stdout


def test_linter_would_speak(configuration: Path) -> None:
    configuration.write_text(configuration.read_text().replace("alias /vol/static/;", "alias /vol/static;"))
    configuration.write_text(
        configuration.read_text().replace("location /static/static/", "location /static/static")
    )
    result = lint(configuration)
    assert result.returncode != 0
    assert "alias_traversal" in result.stdout


@pytest.fixture(params=SETTINGS)
def rendered(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The configuration as other settings make it."""
    path = tmp_path / "nginx.conf"
    task = {"src": str(ROLE / "templates/nginx.conf.j2"), "dest": str(path), "mode": "0644"}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(ROLE / "defaults/main.yml"), str(ROLE / "vars/main.yml")],
        "tasks": [{"ansible.builtin.template": task}],
    }
    (tmp_path / "files").symlink_to(ROLE / "files")
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    program = Path(sys.executable).with_name("ansible-playbook")
    words = ["--inventory=localhost,", "--connection=local"]
    words += [f"--extra-vars={json.dumps(SETTINGS[request.param])}"]
    subprocess.run([program, tmp_path / "play.yml", *words], check=True, capture_output=True)
    return path


def test_other_settings_are_sound(rendered: Path, targets: dict[str, Target]) -> None:
    result = lint(rendered)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    target = targets["debian13"]
    target.run("mkdir -p /run/rendered && printf %%s %s > /run/rendered/nginx.conf", rendered.read_text())
    target.run(
        "docker run --rm --tmpfs /run/nginx:uid=101,gid=101 --volume /run/rendered:/run/site:ro"
        " %s nginx -t -q -e stderr -c /run/site/nginx.conf",
        target.container("nginx")["Config"]["Image"],
    )
