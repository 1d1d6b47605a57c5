"""The containers of the stack, and the connections that clients have to them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.engine import docker, run

from .errors import RolloutError

# A container that died this often since it was started won't come up by itself.
MAX_RESTARTS = 2
# States of /proc/net/tcp in which a client waits for an answer: established, and about to be.
IN_FLIGHT = {"01", "03"}


@dataclass(frozen=True)
class Container:
    """A container of the stack, as it was when last looked at."""

    id: str
    name: str
    service: str
    address: str  # in the network between nginx and the API; empty if it isn't there
    config_hash: str
    running: bool
    restarts: int
    pid: int
    started: float  # when, in seconds since 1970
    # Files and folders of the host, by where the container has them.
    mounts: dict[str, str] = field(default_factory=dict)

    def refresh(self) -> Container | None:
        """Look at it again; nothing if it has gone."""
        found = inspect([self.id])
        return found[0] if found else None

    def crashed(self, now: Container) -> bool:
        """Tell whether it has died again and again since it was looked at first."""
        return now.restarts - self.restarts >= MAX_RESTARTS

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.time() - self.started

    @property
    def root(self) -> Path:
        """Its file system."""
        return Path(f"/proc/{self.pid}/root")

    def log(self) -> str:
        """Return its last lines, of both outputs."""
        said = run("docker", "logs", "--tail", "15", self.id)
        return str(said.stdout + said.stderr).strip()


def inspect(ids: list[str]) -> list[Container]:
    """Look at containers; those that have gone meanwhile are left out."""
    if not ids:
        return []
    found = run("docker", "container", "inspect", *ids).stdout
    return [parse_container(one) for one in json.loads(found or "[]")]


def parse_container(found: dict[str, Any]) -> Container:
    """Make a Container of what `docker inspect` says."""
    labels = found["Config"]["Labels"]
    backend = f"{labels['com.docker.compose.project']}_backend"
    network = found["NetworkSettings"]["Networks"].get(backend) or {}
    state = found["State"]
    return Container(
        id=found["Id"],
        name=found["Name"].lstrip("/"),
        service=labels["com.docker.compose.service"],
        address=(network.get("IPAMConfig") or {}).get("IPv4Address", ""),
        config_hash=labels["com.docker.compose.config-hash"],
        running=state["Running"] and not state["Restarting"],
        restarts=found["RestartCount"],
        pid=state["Pid"],
        started=datetime.fromisoformat(state["StartedAt"]).timestamp(),
        mounts={mount["Destination"]: mount["Source"] for mount in found["Mounts"]},
    )


def containers(project: str, *, oneoff: bool = False) -> list[Container]:
    """List the containers of a Compose project.

    Args:
        project: Name of the project.
        oneoff: List those of `docker compose run` instead of the services'.
    """
    labels = [f"com.docker.compose.project={project}", f"com.docker.compose.oneoff={oneoff}"]
    filters = [word for label in labels for word in ("--filter", f"label={label}")]
    return inspect(docker("ps", "--all", "--quiet", "--no-trunc", *filters).split())


def in_flight(table: str, port: int) -> int:
    """Count the connections from other hosts to a port.

    Args:
        table: Content of /proc/net/tcp or tcp6.
        port: The listening port.
    """
    found = 0
    for line in table.splitlines()[1:]:
        local, remote, state = line.split()[1:4]
        # The health check asks from inside.
        own = remote.split(":")[0].endswith("0100007F")
        found += int(local.split(":")[1], 16) == port and state in IN_FLIGHT and not own
    return found


def connections(container: Container, port: int) -> int:
    """Count the connections that clients have to a port of a container; none if it is gone."""
    try:
        tables = [Path(f"/proc/{container.pid}/net/{name}").read_text() for name in ("tcp", "tcp6")]
    except OSError:
        return 0
    return sum(in_flight(table, port) for table in tables)


def refuse(container: Container, port: int) -> None:
    """Have a container answer new connections from other hosts with a reset, in its own network.

    Raises:
        RolloutError: It doesn't, and is still there.
    """
    rule = ["INPUT", "--protocol", "tcp", "--dport", str(port), "--syn", "!", "--in-interface", "lo"]
    words = ["nsenter", "--target", str(container.pid), "--net", "iptables", "--wait", "--insert", *rule]
    result = run(*words, "--jump", "REJECT", "--reject-with", "tcp-reset")
    if result.returncode and container.refresh():
        raise RolloutError(f"{container.name} can't be closed to new connections: {result.stderr.strip()}")
