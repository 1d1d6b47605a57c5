"""The connection in use is found, though sudo hides it from what it starts."""

from __future__ import annotations

import os
from pathlib import Path

from ansible.module_utils.firewall.connection import Connection, above, in_use


def test_the_nearest_connection_counts() -> None:
    environments = [
        b"HOME=/root\0",
        b"A=b\0SSH_CONNECTION=192.0.2.7 51000 192.0.2.1 2022\0B=c\0",
        b"SSH_CONNECTION=192.0.2.7 51000 192.0.2.1 22",
    ]
    assert in_use(iter(environments)) == Connection("192.0.2.7", "192.0.2.1", 2022)
    assert in_use(iter([b"NO_SSH_CONNECTION=a 1 b 2\0"])) is None


def test_environments_are_read_upwards_to_the_systems_first_process(tmp_path: Path) -> None:
    for pid, parent, environment in ((30, 2, b"A=1\0"), (2, 1, b"B=2\0"), (1, 0, b"C=3\0")):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} (a (b) c) S {parent} 0 0")
        (folder / "environ").write_bytes(environment)
    assert list(above(30, tmp_path)) == [b"A=1\0", b"B=2\0"]


def test_the_first_environment_is_that_of_the_process_itself() -> None:
    assert next(above(os.getpid())) == Path("/proc/self/environ").read_bytes()
