"""The machine of the scenario, seen from the machine that built it: from outside."""

from __future__ import annotations

import base64
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import testinfra
from runs import REPOSITORY, Playbooks
from testinfra.host import Host

SCENARIO = REPOSITORY / "molecule/vm"
PLAYBOOKS = Playbooks(SCENARIO / "inventory")
KEYS = REPOSITORY / ".cache/vm/ssh"
ADDRESS = "10.213.1.2"
URL = f"http://{ADDRESS}:8080"
# Emulated, the machine is about ten times slower than a real one.
BOOT_SECONDS = 300
STACK_SECONDS = 180


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    password: str = "",
) -> Answer:
    """Send a request to the machine; with a password, as the admin."""
    admin = {"Authorization": f"Basic {base64.b64encode(f'admin:{password}'.encode()).decode()}"}
    sent = urllib.request.Request(
        URL + path, body, (headers or {}) | (admin if password else {}), method=method
    )
    try:
        answer = urllib.request.urlopen(sent, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return Answer(answer.status, answer.headers.get_content_type(), answer.read())


def wait_until(what: str, condition: Callable[[], bool], seconds: float) -> None:
    """Ask until the condition holds; what can't be reached yet doesn't fulfil it."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(1)


def wait_for_stack() -> None:
    wait_until("the API answers", lambda: request("/api/movies/1").status == 200, STACK_SECONDS)


def machine(action: str) -> None:
    """Start the machine or take its power away."""
    subprocess.run([SCENARIO / "image/vm.sh", action], check=True)


@pytest.fixture(scope="session")
def host() -> Host:
    """The machine, as root."""
    return testinfra.get_host(
        f"ssh://deploy@{ADDRESS}",
        sudo=True,
        ssh_identity_file=str(KEYS / "id_ed25519"),
        ssh_extra_args=f"-o UserKnownHostsFile={KEYS / 'known_hosts'} -o ConnectTimeout=30",
        # A connection that is kept would be a dead one after a power cut.
        controlpersist=0,
    )


@pytest.fixture(scope="session")
def password(host: Host) -> str:
    """Return the admin's password."""
    return host.check_output("cat /srv/django/stack/secrets/django_admin_password").rstrip("\n")
