"""A host that the stack was deployed to, and how the tests ask it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pictures import form
from testinfra.backend.base import CommandResult
from testinfra.host import Host

CLIENT = (Path(__file__).parent / "client.py").read_text()
STACK = "/srv/django/stack"
PORT = 8080
SERVICES = ("nginx", "api", "db")
# What the engine has.
LISTS = (
    "docker ps --all --no-trunc --format '{{.ID}} {{.Names}} {{.Image}}'",
    "docker image ls --all --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}'",
    "docker volume ls --format '{{.Name}}'",
    "docker network ls --no-trunc --format '{{.ID}} {{.Name}}'",
)
# A film that the tests may write to: the first of those that the command load_films brings.
FILM = "/api/movies/1"
# A style sheet with its content's hash in its name, as pages have links to.
STYLE = re.compile(r'href="(/static/static/[^"]+\.[0-9a-f]{12}\.css)"')


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Process:
    uids: frozenset[int]  # real, effective, saved and file system
    argv: tuple[str, ...]
    parent: int


# Prints whether the address takes a connection on the port.
REACHES = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()
except OSError:
    print("no")
else:
    print("yes")
"""

# Prints every process below the given one. Other processes of the container, a health check for one,
# come and go: they are not descendants of its first.
PROCESSES = """
import json, pathlib, sys
found = {}
for status in pathlib.Path("/proc").glob("[0-9]*/status"):
    try:
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        argv = status.with_name("cmdline").read_bytes().decode().split("\\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        continue
    found[int(status.parent.name)] = (int(lines["PPid"]), [int(uid) for uid in lines["Uid"].split()], argv)
family = [int(sys.argv[1])]
for pid in family:
    family += [child for child, process in found.items() if process[0] == pid]
print(json.dumps({pid: found[pid] for pid in family}))
"""


@dataclass(frozen=True)
class Target:
    """One of the hosts that site.yml was run on."""

    name: str
    address: str
    host: Host = field(repr=False, compare=False)
    outside: Host = field(repr=False, compare=False)

    def run(self, command: str, *args: str) -> str:
        return str(self.host.check_output(command, *args))

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """Return what `docker inspect` says of an object of the host's engine."""
        found: list[dict[str, Any]] = json.loads(self.run("docker inspect --type %s %s", kind, name))
        return found[0]

    def container(self, service: str) -> dict[str, Any]:
        """Describe the one container of a service. The API's gets another number with each release."""
        label = "label=com.docker.compose"
        names = self.run(
            "docker ps --all --filter %s --filter %s --format '{{.Names}}'",
            f"{label}.project=django",
            f"{label}.service={service}",
        ).split()
        assert len(names) == 1, f"{service} has these containers: {names}"
        return self.inspect("container", names[0])

    def name_of(self, service: str) -> str:
        """Return the name of a service's one container."""
        return str(self.container(service)["Name"]).lstrip("/")

    def secret(self, name: str) -> str:
        return self.run("cat %s", f"{STACK}/secrets/{name}").rstrip("\n")

    def containers(self) -> dict[str, str]:
        """Return the id of each running container by name."""
        lines = self.run("docker ps --no-trunc --format '{{.Names}} {{.ID}}'").splitlines()
        return dict(line.split() for line in lines)

    def everything(self) -> list[list[str]]:
        """List what the host's engine has: containers, images, volumes and networks."""
        return [sorted(self.run(command).splitlines()) for command in LISTS]

    def processes(self, service: str) -> dict[int, Process]:
        first = self.container(service)["State"]["Pid"]
        found = json.loads(self.run("python3 -c %s %s", PROCESSES, str(first)))
        return {
            int(pid): Process(frozenset(uids), tuple(argv), parent)
            for pid, (parent, uids, argv) in found.items()
        }

    def in_network_of(self, service: str, script: str, *args: str) -> str:
        """Run a Python script with the host's Python, but in the network of one of its containers."""
        pid = str(self.container(service)["State"]["Pid"])
        words = " ".join(["nsenter --target %s --net python3 -c %s", *["%s"] * len(args)])
        return self.run(words, pid, script, *args)

    def psql(self, role: str, password: str, statement: str, host: str = "db") -> CommandResult:
        """Have PostgreSQL answer a role over TCP, or through its socket if `host` is its folder."""
        psql = "psql --no-password --host %s --username %s --dbname django -XAtc %s"
        command = f"docker exec --env %s django-db-1 {psql}"
        # The engine loses the output of a command now and then.
        for _ in range(3):
            answer = self.host.run(command, f"PGPASSWORD={password}", host, role, statement)
            if answer.stdout or answer.stderr:
                break
        return answer

    def logs_in(self, role: str, password: str) -> bool:
        """Tell whether PostgreSQL lets a role in over TCP, or refuses its password."""
        answer = self.psql(role, password, "SELECT 1")
        refused = f'password authentication failed for user "{role}"' in answer.stderr
        assert refused != (answer.stdout.strip() == "1"), answer
        return not refused

    def sql(self, statement: str) -> str:
        """Return the answer of PostgreSQL to its superuser."""
        answer = self.psql("postgres", self.secret("postgres_password"), statement)
        assert answer.succeeded, answer.stderr
        return str(answer.stdout).rstrip("\n")

    def is_serving(self) -> bool:
        """Tell whether the API answers, asked from `outside`."""
        script = "import sys, urllib.request as http; http.urlopen(sys.argv[1], timeout=5)"
        url = f"http://{self.address}:{PORT}{FILM}"
        return bool(self.outside.run("python3 -c %s %s", script, url).succeeded)

    def is_healthy(self) -> bool:
        """Tell whether every container of the stack runs and those with a health check pass it."""
        states = [self.container(service)["State"] for service in SERVICES]
        return all(
            state["Running"] and state.get("Health", {}).get("Status", "healthy") == "healthy"
            for state in states
        )

    def request(
        self,
        path: str,
        method: str = "GET",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        size: int = 0,
        chunked: bool = False,
        port: int = PORT,
    ) -> Answer:
        """Send a request from `outside`, as any client would.

        Args:
            path: It is sent as it is.
            method: GET unless told otherwise.
            body: What is sent along.
            headers: Besides Host and what a body needs.
            size: Send that many bytes of no meaning in place of `body`.
            chunked: Send the body in chunks, without its length.
            port: Of the host.
        """
        call = {
            "address": self.address,
            "port": port,
            "method": method,
            "path": path,
            "headers": headers or {},
            "body": base64.b64encode(body).decode(),
            "size": size,
            "chunked": chunked,
        }
        answer = json.loads(self.outside.check_output("python3 -c %s %s", CLIENT, json.dumps(call)))
        return Answer(answer["status"], answer["headers"], base64.b64decode(answer["body"]))

    def admin(self) -> dict[str, str]:
        """Return the header by which the admin is known."""
        credentials = f"admin:{self.secret('django_admin_password')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}

    def change(self, path: str, **fields: Any) -> Answer:
        """Change fields of a film, as the admin."""
        headers = self.admin() | {"Content-Type": "application/json"}
        return self.request(path, "PATCH", json.dumps(fields).encode(), headers)

    def give_poster(self, path: str, picture: bytes) -> Answer:
        """Upload the poster of a film, as the admin."""
        headers, body = form(picture)
        return self.request(path, "PATCH", body, self.admin() | headers)

    def style(self) -> str:
        """Return the path of a style sheet that the admin's login page has a link to."""
        found = STYLE.search(self.request("/admin/login/").text)
        assert found
        return found[1]
