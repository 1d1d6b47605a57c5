"""Runs the load generator on the client, and answers questions about what it has seen."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import load
from scenario import machine

# A few clients of each quick kind, for runs that are to show no more than that the service answers.
LIGHT = {"get-keepalive": 6, "get-close": 4, "page": 1, "static": 1, "post": 2}
_numbers = itertools.count(1)

Load = Callable[..., AbstractContextManager["Traffic"]]


@dataclass
class Traffic:
    """What a load has seen, once it has ended."""

    name: str
    records: list[load.Record] = field(default_factory=list)

    def of(self, kind: str) -> list[load.Record]:
        return [record for record in self.records if record.kind == kind]

    @property
    def failed(self) -> list[load.Record]:
        return [record for record in self.records if record.why]

    def answered_by(self, release: str) -> list[load.Record]:
        return [record for record in self.records if record.release == release]

    def releases(self) -> list[str]:
        """Return the releases that have answered, in the order in which each was first seen."""
        records = sorted(self.records, key=lambda record: record.end)
        return list(dict.fromkeys(record.release for record in records if record.release))

    def switches(self) -> list[float]:
        """Return when each release but the first was first seen to answer."""
        return [min(record.end for record in self.answered_by(name)) for name in self.releases()[1:]]

    def spanning(self, kind: str, moment: float) -> list[load.Record]:
        """Return the good requests of a kind that were under way at a moment."""
        return [record for record in self.of(kind) if record.start < moment < record.end and not record.why]

    def counts(self) -> list[str]:
        return [f"{self.name}: {line}" for line in load.summary(self.records)]

    def assert_nothing_failed(self) -> None:
        assert self.records, "the load has sent nothing"
        counts = Counter((record.kind, record.why) for record in self.failed)
        first = "\n".join(str(record) for record in self.failed[:5])
        assert not counts, f"{self.name}: {dict(counts)}\n{first}"


def copied(container: str, path: str, folder: Path) -> Path:
    """Copy a file out of a container."""
    target = folder / Path(path).name
    subprocess.run(["docker", "cp", f"{container}:{path}", str(target)], check=True, capture_output=True)
    return target


@contextmanager
def under_load(
    say: Callable[[str], None],
    folder: Path,
    address: str,
    name: str,
    clients: dict[str, int] | None = None,
    *,
    quiet: bool = False,
) -> Iterator[Traffic]:
    """Keep clients busy meanwhile. What this gives is filled in at the end, and its counts are said.

    Args:
        say: What the counts are given to.
        folder: Where the records are kept.
        address: The host to ask.
        name: What the load is for.
        clients: How many of each kind; without them all kinds, as many as the load generator has by itself.
        quiet: Say nothing if nothing failed.
    """
    traffic = Traffic(name)
    number = next(_numbers)
    output = f"/var/tmp/{number}.jsonl"
    title = f"load-{time.time():.0f}"
    program = ["docker", "exec", "--interactive", machine("outside"), "python3", "/load/load.py"]
    words = [address, output, "--password-file", "/var/tmp/password", "--name", title]
    if clients:
        words += ["--clients", ",".join(f"{kind}={count}" for kind, count in clients.items())]
    with subprocess.Popen(
        program + words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        started = process.stdout.readline()
        assert started == "started\n", started + process.stdout.read()
        try:
            yield traffic
        finally:
            # Its sign to stop: signals do not reach a program behind `docker exec`.
            process.stdin.close()
            said = process.stdout.read()
    assert process.returncode == 0, said
    traffic.records = load.read(copied(machine("outside"), output, folder))
    if traffic.failed or not quiet:
        for line in traffic.counts():
            say(line)
