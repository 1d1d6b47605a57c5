"""The ssh connection that a module is run through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Connection:
    """A connection as sshd tells it to what it starts: two addresses, and the port that it came in at."""

    client: str
    server: str
    port: int


def in_use(environments: Iterator[bytes]) -> Connection | None:
    """Read the connection from the nearest environment that tells; None if none does."""
    for environment in environments:
        found = re.search(rb"(?:^|\0)SSH_CONNECTION=(\S+) \d+ (\S+) (\d+)(?:\0|$)", environment)
        if found:
            return Connection(found[1].decode(), found[2].decode(), int(found[3]))
    return None


def above(pid: int, proc: Path = Path("/proc")) -> Iterator[bytes]:
    """Yield the environment of a process and of each above it: sudo takes the connection out of it."""
    while pid > 1:
        try:
            yield (proc / str(pid) / "environ").read_bytes()
            status = (proc / str(pid) / "stat").read_text()
        except OSError:
            return
        # "4711 (any name) S 4700 ...": the parent's number comes after the name and the state.
        pid = int(status.rpartition(")")[2].split()[1])
