"""bin/deploy as the first and only command on a bare Debian, by a user with sudo."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from runs import REPOSITORY
from scenario import connect, machine
from testinfra.host import Host

HOST = "desk"
HOME = "/home/engineer"
# A company may sign all TLS anew and have mirrors of its own: what pip needs here for that, it needs there.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PIP_CONFIGURATION = Path("/etc/pip.conf")

# Prints the body of an answer of status 200, or another's status: a redirect is not followed.
GET = """
import http.client, sys
connection = http.client.HTTPConnection("localhost", 8080)
connection.request("GET", sys.argv[1])
answer = connection.getresponse()
print(answer.read().decode() if answer.status == 200 else answer.status)
"""


def copy(content: Path, path: str) -> None:
    subprocess.run(["docker", "cp", "--quiet", content, f"{machine(HOST)}:{path}"], check=True)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """A bare Debian with a user, who may use sudo and has the project's files."""
    host = connect(HOST)
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    ).stdout
    archive = tmp_path_factory.mktemp("desk") / "project.tar"
    subprocess.run(
        ["tar", "--create", f"--file={archive}", "--null", "--files-from=-", "--owner=1000", "--group=1000"],
        cwd=REPOSITORY,
        input=files,
        check=True,
    )
    host.check_output("useradd --uid 1000 --create-home --shell /bin/bash engineer")
    host.check_output("echo 'engineer ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/engineer")
    host.check_output("install --directory --owner=engineer %s/project", HOME)
    copy(archive, f"{HOME}/project.tar")
    host.check_output("tar --extract --file=%s/project.tar --directory=%s/project", HOME, HOME)
    copy(CERTIFICATES, f"{HOME}/certificates.crt")
    if PIP_CONFIGURATION.exists():
        copy(PIP_CONFIGURATION, str(PIP_CONFIGURATION))
    return host


def deploy() -> str:
    """Run bin/deploy as the user and return what it prints."""
    settings = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    settings["PIP_CERT"] = f"{HOME}/certificates.crt"
    variables = [f"--env={name}={value}" for name, value in settings.items()]
    run = subprocess.run(
        [
            "docker",
            "exec",
            "--user=engineer",
            f"--workdir={HOME}/project",
            *variables,
            machine(HOST),
            "bin/deploy",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout


@pytest.fixture(scope="module")
def first(desk: Host) -> str:
    assert desk.run("python3 -c 'import ensurepip'").rc != 0, "the machine is not bare"
    return deploy()


def get(host: Host, path: str) -> str:
    return str(host.check_output("python3 -c %s %s", GET, path))


def test_the_first_run_answers_a_film(desk: Host, first: str) -> None:
    film = json.loads(get(desk, "/api/movies/1"))
    assert film["title"]


def test_it_ends_with_what_to_do_next(desk: Host, first: str) -> None:
    end = first[first.rindex("Address") :]
    assert re.search(r"Address +http://localhost:8080/", end)
    password = re.search(r"Its password +(\S+) on localhost", end)
    assert password
    assert desk.run("su engineer -c %s", f"cat {password[1]}").rc != 0
    assert desk.check_output("sudo cat %s", password[1])


def test_the_second_run_changes_nothing(desk: Host, first: str) -> None:
    ids = "docker ps --no-trunc --quiet"
    before = desk.check_output(ids)
    again = deploy()
    assert re.search(r"^localhost +: .*changed=0 ", again, re.MULTILINE)
    assert "Installing" not in again
    assert desk.check_output(ids) == before
