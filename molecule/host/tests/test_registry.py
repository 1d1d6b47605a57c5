"""Images from a registry: drop-ins are pulled and run, and one that isn't what its digest says is refused."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator

import pytest
from runs import extra
from scenario import PLAYBOOKS, machine
from targets import FILM, Target
from waiting import wait_until

HOST = "debian12"
# Loopback, which an engine trusts without TLS.
REGISTRY = "127.0.0.1:5000"

CONFIGURATION = """
version: 0.1
storage: {filesystem: {rootdirectory: /run/registry}}
http: {addr: 127.0.0.1:5000}
"""

# A registry that answers every digest with a manifest of its own making.
IMPOSTOR = """
import http.server, json

MANIFEST = json.dumps({
    "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2,
               "digest": "sha256:" + "0" * 64},
    "layers": [],
}).encode()

class Registry(http.server.BaseHTTPRequestHandler):
    # An engine tries TLS first, which is no request that ever ends.
    timeout = 1

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
        self.send_header("Content-Length", str(len(MANIFEST)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(MANIFEST)
    do_HEAD = do_GET

http.server.ThreadingHTTPServer(("127.0.0.1", 5001), Registry).serve_forever()
"""


SERVICES_OF = {"nginx": "nginx", "postgres": "db"}


def bring_base(host: Target) -> str:
    """Bring the base image, which was built here, to the host; return its name."""
    words = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "django/base*"]
    name = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[0]
    with subprocess.Popen(["docker", "save", name], stdout=subprocess.PIPE) as saved:
        load = ["docker", "exec", "--interactive", machine(HOST), "docker", "load"]
        subprocess.run(load, stdin=saved.stdout, check=True, capture_output=True)
    return name


@pytest.fixture(scope="module")
def host(targets: dict[str, Target]) -> Target:
    return targets[HOST]


@pytest.fixture(scope="module")
def references(host: Target) -> Iterator[dict[str, str]]:
    """A registry on the host that has our images under official-looking names, by digest."""
    host.run(
        "apt-get -qq update && apt-get -qq install --yes --no-install-recommends docker-registry >/dev/null"
    )
    # The package's own service asks for a password.
    host.run("systemctl stop docker-registry")
    host.run("printf %s > /run/registry.yml", CONFIGURATION)
    host.run("systemd-run --unit=test-registry docker-registry serve /run/registry.yml")
    wait_until("the registry answers", lambda: host.host.run("ss -Hltn | grep -q :5000").rc == 0)
    found = {}
    images = {name: host.container(service)["Config"]["Image"] for name, service in SERVICES_OF.items()}
    for name, ours in ({"debian": bring_base(host)} | images).items():
        reference = f"{REGISTRY}/library/{name}:drop-in"
        host.run("docker tag %s %s", ours, reference)
        host.run("docker push --quiet %s", reference)
        digests = host.inspect("image", reference)["RepoDigests"]
        found[name] = next(digest for digest in digests if digest.startswith(REGISTRY))
        host.run("docker image rm %s", reference)
    yield found
    PLAYBOOKS.ship(f"--limit={HOST}")
    host.run("docker image rm %s %s %s", *found.values())
    host.run("systemctl stop test-registry && rm -r /run/registry.yml /run/registry")
    host.run("apt-get -qq purge --yes docker-registry >/dev/null")


def test_drop_in_images_are_pulled_and_run(host: Target, references: dict[str, str]) -> None:
    film = host.request(FILM).json
    images = extra(
        images_build_on="host",
        images_base_image=references["debian"],
        nginx_image=references["nginx"],
        postgres_image=references["postgres"],
    )
    PLAYBOOKS.ship(f"--limit={HOST}", images)
    assert host.container("nginx")["Config"]["Image"] == references["nginx"]
    assert host.container("db")["Config"]["Image"] == references["postgres"]
    base = host.inspect("image", references["debian"])["RootFS"]["Layers"]
    assert host.inspect("image", host.container("api")["Image"])["RootFS"]["Layers"][: len(base)] == base
    assert host.request(FILM).json == film
    assert PLAYBOOKS.ship(f"--limit={HOST}", images).recap(HOST)["changed"] == 0


def test_image_with_another_digest_is_refused(host: Target) -> None:
    host.run("systemd-run --unit=test-impostor python3 -c %s", IMPOSTOR)
    wait_until("the impostor listens", lambda: host.host.run("ss -Hltn | grep -q :5001").rc == 0)
    before = host.containers()
    # An image that the engine does not have: for one that it has, it would not ask.
    digest = hashlib.sha256(b"an image of somebody else").hexdigest()
    impostor = extra(nginx_image=f"127.0.0.1:5001/library/nginx@sha256:{digest}")
    result = PLAYBOOKS.play("site.yml", "--tags=release", f"--limit={HOST}", impostor)
    host.run("systemctl stop test-impostor")
    assert result.status != 0, result.output
    assert "127.0.0.1:5001/library/nginx" in result.output
    assert "can't be pulled" in result.output
    assert "changed=0" in result.output
    assert host.containers() == before
