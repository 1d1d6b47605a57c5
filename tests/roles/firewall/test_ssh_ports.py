"""The ports of ssh are found wherever they are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import ssh_ports
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


def test_environments_are_read_upwards(tmp_path: Path) -> None:
    for pid, parent, environment in ((30, 20, b"A=1\0"), (20, 1, b"B=2\0")):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} (a (b) c) S {parent} 0 0")
        (folder / "environ").write_bytes(environment)
    assert list(above(30, tmp_path)) == [b"A=1\0", b"B=2\0"]


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(ssh_ports)
