"""The ports of ssh are found wherever they are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import ssh_ports
from ansible.module_utils.testing import patch_module_args
from documented import assert_as_documented
from ssh_ports import activating, configured, is_daemon, listening

SOCKETS = """\
LISTEN 0      128          0.0.0.0:2222      0.0.0.0:*    users:(("sshd",pid=699,fd=6))
LISTEN 0      128             [::]:2223         [::]:*    users:(("sshd",pid=699,fd=7))
LISTEN 0      4096         0.0.0.0:8080      0.0.0.0:*    users:(("docker-proxy",pid=700,fd=4))
LISTEN 0      4096      127.0.0.11:38975     0.0.0.0:*
LISTEN 0      4096            [::]:2225         [::]:*    users:(("systemd",pid=1,fd=6),("sshd",pid=698,fd=3))
LISTEN 0      128        127.0.0.1:4444      0.0.0.0:*    users:(("sshd",pid=810,fd=9))
LISTEN 0      128        127.0.0.1:4445      0.0.0.0:*    users:(("sshd",pid=820,fd=9))
LISTEN 0      128          0.0.0.0:4446      0.0.0.0:*    users:(("sshd",pid=830,fd=9))
LISTEN 0      128          0.0.0.0:4447      0.0.0.0:*    users:(("sshd",pid=840,fd=3))
LISTEN 0      128          0.0.0.0:4448      0.0.0.0:*    users:(("sshd",pid=850,fd=3))
"""
# What those processes call themselves, and the user that each belongs to.
PROCESSES = {
    698: ("/usr/sbin/sshd\0-D\0", 0),
    699: ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", 0),
    700: ("/usr/bin/docker-proxy\0", 0),
    # Sessions with forwarded ports: of a user; of root, with no sshd above it once that was restarted; and of
    # root where systemd starts an sshd for each connection.
    810: ("sshd: deploy@notty", 1000),
    820: ("sshd: root@pts/0", 0),
    830: ("sshd: root@notty", 0),
    # A user's own program.
    840: ("/home/deploy/sshd\0", 1000),
    # Ended meanwhile: 850.
}


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """The processes of a host, as the kernel shows them."""
    for pid, (title, user) in PROCESSES.items():
        folder = tmp_path / "proc" / str(pid)
        folder.mkdir(parents=True)
        (folder / "cmdline").write_text(title)
        (folder / "status").write_text(
            f"Name:\tsshd\nUid:\t{user}\t{user}\t{user}\t{user}\nGid:\t0\t0\t0\t0\n"
        )
    return tmp_path / "proc"


def test_the_daemon_listens(proc: Path) -> None:
    assert listening(SOCKETS, proc) == {2222, 2223, 2225}
    assert listening("", proc) == set()


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


@pytest.fixture
def ports(
    tmp_path: Path, proc: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Run the module on a host whose programs say the given."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("ssh_ports.above", lambda _pid: iter([b"SSH_CONNECTION=a 1 b 2022"]))
    monkeypatch.setattr("ssh_ports.is_daemon", lambda pid, _proc: is_daemon(pid, proc))

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
    assert ports(**programs) == [22, 2022, 2222, 2223, 2224, 2225]
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
