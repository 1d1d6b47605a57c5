"""What would stop a stack is told before anything is changed, and nothing else is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stack_obstacles
from ansible.module_utils.testing import patch_module_args

BRIDGES = {"frontend": "br-front", "backend": "br-back"}
LISTENER = 'LISTEN 0 511 0.0.0.0:8080 0.0.0.0:* users:(("apache2",pid=1,fd=4),("apache2",pid=2,fd=4))\n'


class FakeHost:
    """Answers the programs that are asked, and notes what they were asked."""

    def __init__(self) -> None:
        self.containers = ""
        self.sockets = ""
        self.networks = "frontend br-front\nbackend br-back\n"
        self.volumes = ""
        self.missing: set[str] = set()
        self.asked: list[tuple[str, ...]] = []

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        if words[0] in self.missing:
            raise FileNotFoundError(words[0])
        self.asked.append(words)
        answers = {
            ("docker", "ps"): self.containers,
            ("docker", "network"): self.networks,
            ("docker", "volume"): self.volumes,
            ("ss", "--no-header"): self.sockets,
        }
        # It fails if one of the networks is not there.
        return subprocess.CompletedProcess(words, 1, answers[words[0], words[1]], "no such network")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    fake = FakeHost()
    monkeypatch.setattr(stack_obstacles, "run", fake.run)
    return fake


@pytest.fixture
def look(host: FakeHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """Return what asks the module of a host whose password is there."""
    (tmp_path / "password").write_text("secret")
    args = {
        "host": "web",
        "project": "shop",
        "project_dir": "/srv/shop",
        "port": 8080,
        "bridges": BRIDGES,
        "data_volume": "shop_data",
        "password_file": str(tmp_path / "password"),
        "_ansible_check_mode": True,
    }

    def look() -> list[str]:
        with patch_module_args(args), pytest.raises(SystemExit):
            stack_obstacles.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert result["changed"] is False
        found: list[str] = result["obstacles"]
        return found

    return look


def test_a_host_that_is_as_it_was_left_has_none(host: FakeHost, look: Callable[[], list[str]]) -> None:
    host.containers, host.sockets, host.volumes = "4f2a\n", LISTENER, "shop_data\n"
    assert look() == []
    assert host.asked[0][-4:] == (
        *("--filter", "publish=8080"),
        *("--filter", "label=com.docker.compose.project=shop"),
    )
    assert host.asked[1][-2:] == ("shop_frontend", "shop_backend")


def test_a_bare_host_has_none(host: FakeHost, look: Callable[[], list[str]], tmp_path: Path) -> None:
    host.missing = {"docker"}
    (tmp_path / "password").unlink()
    assert look() == []


def test_who_else_has_the_port_is_named_once(host: FakeHost, look: Callable[[], list[str]]) -> None:
    host.sockets = LISTENER
    assert look() == [
        "Port 8080 of web is taken by apache2: stop that, or set stack_http_port to a free port."
    ]
    assert host.asked[1][-1] == "sport = :8080"


def test_a_port_that_is_taken_by_nobody_that_we_may_see_is_taken(
    host: FakeHost, look: Callable[[], list[str]]
) -> None:
    host.missing, host.sockets = {"docker"}, "LISTEN 0 511 0.0.0.0:8080 0.0.0.0:*\n"
    (sentence,) = look()
    assert "is taken by another process:" in sentence


def test_a_network_keeps_its_bridge(host: FakeHost, look: Callable[[], list[str]]) -> None:
    host.networks = "frontend br-front\nbackend br-old\n\n"
    (sentence,) = look()
    assert "the networks of web, which has backend br-old: put these names back" in sentence
    assert "'docker compose down' in /srv/shop" in sentence


def test_networks_that_are_still_to_be_made_are_no_obstacle(
    host: FakeHost, look: Callable[[], list[str]]
) -> None:
    host.networks = "frontend br-front\n"
    assert look() == []


@pytest.mark.parametrize(("volumes", "lost"), [("shop_data\n", True), ("other_shop_data\n", False)])
def test_a_database_without_its_password_is_told(
    host: FakeHost, look: Callable[[], list[str]], tmp_path: Path, volumes: str, lost: bool
) -> None:
    host.volumes = volumes
    (tmp_path / "password").unlink()
    found = look()
    assert bool(found) == lost
    if lost:
        assert f"web has a database (volume shop_data) but not its password: put {tmp_path}" in found[0]


def test_all_obstacles_are_told_at_once(
    host: FakeHost, look: Callable[[], list[str]], tmp_path: Path
) -> None:
    host.sockets, host.networks, host.volumes = LISTENER, "frontend br-old\n", "shop_data\n"
    (tmp_path / "password").unlink()
    assert len(look()) == 3
