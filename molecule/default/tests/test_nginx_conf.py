"""What a linter for nginx says of the configuration as it was rendered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import STACK, Target


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
