"""The ports of ssh are found wherever they are told."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import ssh_ports
from ansible.module_utils.testing import patch_module_args
from documented import assert_as_documented
from ssh_ports import above, activating, configured, in_use, listening

SOCKETS = """\
LISTEN 0      128          0.0.0.0:2222      0.0.0.0:*    users:(("sshd",pid=699,fd=6))
LISTEN 0      128             [::]:2223         [::]:*    users:(("sshd",pid=699,fd=7))
LISTEN 0      4096         0.0.0.0:8080      0.0.0.0:*    users:(("docker-proxy",pid=700,fd=4))
LISTEN 0      4096      127.0.0.11:38975     0.0.0.0:*
"""


def test_sshd_listens() -> None:
    assert listening(SOCKETS) == {2222, 2223}
    assert listening("") == set()


@pytest.mark.parametrize(
    ("listens", "ports"),
    [
        ("Listen=[::]:22 (Stream)\n", {22}),
        ("Listen=0.0.0.0:22 (Stream)\nListen=[::]:2222 (Stream)\n", {22, 2222}),
        ("Listen=/run/ssh.sock (Stream)\n", set()),
        ("", set()),
    ],
)
def test_systemd_listens_for_sshd(listens: str, ports: set[int]) -> None:
    assert activating(listens) == ports


def test_sshd_is_configured() -> None:
    settings = "port 22\nport 2222\nlistenaddress [::]:22\nlistenaddress 192.0.2.1:2022\nusepam yes\n"
    assert configured(settings) == {22, 2222, 2022}


def test_the_nearest_connection_counts() -> None:
    environments = [
        b"HOME=/root\0",
        b"A=b\0SSH_CONNECTION=192.0.2.7 51000 192.0.2.1 2022\0B=c\0",
        b"SSH_CONNECTION=192.0.2.7 51000 192.0.2.1 22",
    ]
    assert in_use(iter(environments)) == {2022}
    assert in_use(iter([b"NO_SSH_CONNECTION=a 1 b 2\0"])) == set()


def test_environments_are_read_upwards_to_the_systems_first_process(tmp_path: Path) -> None:
    for pid, parent, environment in ((30, 2, b"A=1\0"), (2, 1, b"B=2\0"), (1, 0, b"C=3\0")):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} (a (b) c) S {parent} 0 0")
        (folder / "environ").write_bytes(environment)
    assert list(above(30, tmp_path)) == [b"A=1\0", b"B=2\0"]


def test_the_first_environment_is_that_of_the_process_itself() -> None:
    assert next(above(os.getpid())) == Path("/proc/self/environ").read_bytes()


@pytest.fixture
def ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the module on a host whose programs say the given."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("ssh_ports.above", lambda _pid: iter([b"SSH_CONNECTION=a 1 b 2022"]))

    def ports(**programs: str) -> list[int]:
        for name in ("ss", "systemctl", "sshd"):
            (tmp_path / name).write_text(f"#!/bin/sh\n{programs.get(name, 'exit 1')}\n")
            (tmp_path / name).chmod(0o755)
        with patch_module_args({}), pytest.raises(SystemExit):
            ssh_ports.main()
        result = json.loads(capsys.readouterr().out)
        assert result["changed"] is False
        found: list[int] = result["ports"]
        return found

    return ports


def lines(text: str) -> str:
    return f"cat <<'END'\n{text.rstrip()}\nEND"


def test_ports_are_gathered_from_all_that_tell(ports: Any, tmp_path: Path) -> None:
    programs = {
        "ss": f'echo "$*" > {tmp_path}/told\n{lines(SOCKETS)}',
        "systemctl": """
            case "$*" in
                "is-active ssh.socket") echo active ;;
                "show --property=Listen ssh.socket") echo "Listen=[::]:2224 (Stream)" ;;
            esac""",
        "sshd": '[ "$*" = -T ] && echo "port 22"',
    }
    assert ports(**programs) == [22, 2022, 2222, 2223, 2224]
    assert (tmp_path / "told").read_text() == "--no-header --listening --tcp --numeric --processes\n"


def test_a_socket_that_is_not_active_does_not_listen(ports: Any) -> None:
    inactive = '[ "$1" = show ] && echo "Listen=[::]:2224 (Stream)"'
    assert ports(systemctl=inactive) == [2022]


def test_what_fails_or_is_not_there_tells_nothing(ports: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ports(sshd="echo port 22; exit 255") == [2022]
    monkeypatch.setattr("ssh_ports.AnsibleModule.get_bin_path", lambda _module, _name: None)
    assert ports(sshd="echo port 22") == [2022]


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(ssh_ports)
