"""A host that was restarted serves again by itself, with its data."""

from __future__ import annotations

import subprocess

import pytest
from runs import REPOSITORY
from scenario import machine
from targets import FILM, PORT, SERVICES, Target
from waiting import wait_until

TITLE = "The film that was there before"
KEEP_WRITING = REPOSITORY / "molecule/shared/hosts/keep-writing"


@pytest.fixture(scope="module")
def before(targets: dict[str, Target]) -> dict[str, dict[str, str]]:
    """Write to a film, and restart both hosts at once, under writes; return what was before."""
    found = {}
    for name, target in targets.items():
        title = target.request(FILM).json["title"]
        answer = target.change(FILM, title=TITLE)
        assert answer.status == 200, answer.text
        found[name] = {"title": title, "boot": boot(target), "time": target.run("date --iso-8601=seconds")}
        with KEEP_WRITING.open() as script:
            host = ["docker", "exec", "--interactive", machine(name), "bash", "-s"]
            subprocess.run(host, stdin=script, check=True)
    machines = [machine(name) for name in targets]
    subprocess.run(["docker", "restart", "--time=60", *machines], check=True, capture_output=True)
    return found


def boot(target: Target) -> str:
    """Return when the host's first process began, in ticks of the kernel."""
    return target.run("cut -d ' ' -f 22 /proc/1/stat")


def test_the_stack_is_back_with_its_data(target: Target, before: dict[str, dict[str, str]]) -> None:
    assert boot(target) != before[target.name]["boot"], "the host was not restarted"
    wait_until("systemd is up", lambda: target.host.run("systemctl is-system-running").stdout == "running\n")
    wait_until("the stack is healthy", target.is_healthy)
    assert target.containers().keys() == {target.name_of(service) for service in SERVICES}
    answer = target.request(FILM)
    assert answer.status == 200
    assert answer.json["title"] == TITLE
    assert target.host.socket(f"tcp://0.0.0.0:{PORT}").is_listening
    assert target.change(FILM, title=before[target.name]["title"]).status == 200


def test_the_database_ended_in_order_under_writes(target: Target, before: dict[str, dict[str, str]]) -> None:
    """What PostgreSQL says when it starts; after a power cut, `vm` sees it say something else."""
    said = target.run("docker logs --since %s %s 2>&1", before[target.name]["time"], target.name_of("db"))
    assert "database system was shut down at" in said
    assert "database system was interrupted" not in said
