"""The machine that an engineer sits at: a bare Debian with the project's files, and a user with sudo."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from runs import REPOSITORY
from scenario import connect, machine
from testinfra.host import Host

HOST = "desk"
HOME = "/home/engineer"
# A company may sign all TLS anew and have mirrors of its own: what pip needs here for that, it needs there.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PIP_CONFIGURATION = Path("/etc/pip.conf")


def copy(content: Path, path: str) -> None:
    subprocess.run(["docker", "cp", "--quiet", content, f"{machine(HOST)}:{path}"], check=True)


def furnish(folder: Path) -> Host:
    """Make the user and bring the project's files.

    Args:
        folder: Where an archive of them can lie meanwhile.
    """
    host = connect(HOST)
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    ).stdout
    archive = folder / "project.tar"
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
    words = ["docker", "exec", "--user=engineer", f"--workdir={HOME}/project", *variables, machine(HOST)]
    run = subprocess.run(
        [*words, "bin/deploy"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
    return run.stdout
