"""The machines of the bench, and the programs that run on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
HERE = REPOSITORY / "bench"
CACHE = REPOSITORY / ".cache/bench"

PORT = 8080


class BenchError(Exception):
    """What keeps the bench from measuring, in one line."""


@dataclass(frozen=True)
class Machine:
    name: str
    address: str

    @property
    def container(self) -> str:
        return f"django-bench-{self.name}-1"

    def url(self, path: str, port: int = PORT) -> str:
        return f"http://{self.address}:{port}{path}"

    def command(self, *argv: str) -> list[str]:
        return ["docker", "exec", "--interactive", self.container, *argv]

    def run(self, *argv: str) -> str:
        """Return what a program prints.

        Raises:
            BenchError: It failed.
        """
        result = subprocess.run(self.command(*argv), capture_output=True, text=True, check=False)
        if result.returncode:
            last = (result.stderr or result.stdout).strip().splitlines()[-3:]
            raise BenchError(f"{argv[0]} failed on {self.name}: {' '.join(last)}")
        return result.stdout

    def inspect(self, container: str) -> dict[str, Any]:
        """Return what the machine's own engine says of a container."""
        found: list[dict[str, Any]] = json.loads(self.run("docker", "inspect", container))
        return found[0]

    def api(self) -> str:
        """Return the name of the API's container: each release has another."""
        service = "label=com.docker.compose.service=api"
        return self.run("docker", "ps", "--filter", service, "--format", "{{.Names}}").strip()

    def api_address(self) -> str:
        networks = self.inspect(self.api())["NetworkSettings"]["Networks"]
        return str(networks["django_backend"]["IPAddress"])


HOST = Machine("host", "10.213.4.13")
SMALL = Machine("small", "10.213.4.14")
PLAIN = Machine("plain", "10.213.4.15")
CLIENT = Machine("client", "10.213.4.100")


@dataclass(frozen=True)
class Load:
    """What wrk has seen: requests, those that failed, and the ms that a share of them took at most."""

    requests: int
    failed: int
    seconds: float
    p95: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def wrk(url: str, *, connections: int, seconds: float, headers: dict[str, str] | None = None) -> list[str]:
    options = [f"--connections={connections}", f"--threads={min(connections, 2)}", f"--duration={seconds:g}s"]
    fields = [f"--header={name}: {value}" for name, value in (headers or {}).items()]
    # What takes long is slow, and not failed.
    return ["wrk", *options, "--timeout=60s", *fields, "--script=/bench/report.lua", url]


def read_load(printed: str) -> Load:
    """Take wrk's figures from the last line that it printed.

    Raises:
        BenchError: It has no figures.
    """
    try:
        return Load(**json.loads(printed.strip().splitlines()[-1]))
    except (IndexError, ValueError, TypeError) as error:
        raise BenchError(f"wrk has printed no figures: {printed[-200:]}") from error


def ask(
    url: str,
    *,
    connections: int = 64,
    seconds: float = 5,
    headers: dict[str, str] | None = None,
    within: Machine | None = None,
) -> Load:
    """Have many connections ask for one address, each as soon as it has had its answer.

    Args:
        url: What is asked for.
        connections: How many ask at once.
        seconds: For how long.
        headers: Sent with each request.
        within: Ask from inside the network of this machine's nginx; else as a client from outside.
    """
    words = wrk(url, connections=connections, seconds=seconds, headers=headers)
    if within is None:
        return read_load(CLIENT.run(*words))
    return read_load(within.run(*in_network_of_nginx(within), *words))


def in_network_of_nginx(machine: Machine) -> list[str]:
    """Return the words in front of a program that is to run where nginx is."""
    return ["nsenter", "--target", str(machine.inspect("django-nginx-1")["State"]["Pid"]), "--net"]


def local(*argv: str) -> float:
    """Run a program of this machine; return its seconds.

    Raises:
        BenchError: It failed.
    """
    return timed(*argv)[0]


def timed(*argv: str, **environment: str) -> tuple[float, str]:
    """Run a program of this machine; return its seconds and what it printed.

    Raises:
        BenchError: It failed; what it printed is on stderr.
    """
    start = time.monotonic()
    result = subprocess.run(
        argv, cwd=REPOSITORY, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - start
    if result.returncode:
        sys.stderr.write(result.stdout + result.stderr)
        raise BenchError(f"{Path(argv[0]).name} failed: see above")
    return seconds, result.stdout
