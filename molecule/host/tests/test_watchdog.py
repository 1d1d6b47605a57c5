"""A container that hangs, or that Docker could not start again, is back by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import watchdog
from targets import FILM, SERVICES, Target
from waiting import wait_until

UNIT = "django-watchdog"
DOCKERS_RETRIES = 3
WATCHED, UNWATCHED = "debian12", "debian13"
# Seconds within which the first process of a container that hangs is another one, by the settings of the
# stack and of the watchdog on a machine that has the time to keep to them.
PROMISE = 60


@dataclass(frozen=True)
class Hang:
    """What was seen after all of the stack was made to hang on both hosts.

    Of nginx only the workers hang: the first process runs on, and the health check notices.
    """

    before: dict[str, dict[str, int]]
    meanwhile: dict[str, int]  # first processes on the unwatched host when that was over


def first(target: Target) -> dict[str, int]:
    """Return the first process of each container."""
    return {service: target.container(service)["State"]["Pid"] for service in SERVICES}


def hang(target: Target) -> None:
    """Stop processes, as a debugger would."""
    master = target.container("nginx")["State"]["Pid"]
    pids = [str(pid) for service in SERVICES for pid in target.processes(service) if pid != master]
    target.host.run("kill -STOP " + " ".join(pids))


@pytest.fixture(scope="module")
def hung(targets: dict[str, Target], say: Callable[[str], None]) -> Hang:
    """Have the stack hang on both hosts, with the watchdog stopped on one, for as long as it takes."""
    watched, unwatched = targets[WATCHED], targets[UNWATCHED]
    unwatched.run("systemctl stop %s", UNIT)
    before = {name: first(target) for name, target in targets.items()}
    seen = dict.fromkeys(SERVICES, 0)
    start = time.monotonic()

    def are_replaced() -> bool:
        for service, process in first(watched).items():
            if process not in (0, before[WATCHED][service]) and not seen[service]:
                seen[service] = process
                say(f"{service} hung for {time.monotonic() - start:.0f} s, of {PROMISE} s that are promised")
        return all(seen.values())

    try:
        for target in targets.values():
            hang(target)
        start = time.monotonic()
        wait_until("each has another first process", are_replaced)
        meanwhile = first(unwatched)
    finally:
        unwatched.run("systemctl start %s", UNIT)
    return Hang(before, meanwhile)


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_that_hangs_is_replaced(targets: dict[str, Target], hung: Hang, service: str) -> None:
    assert first(targets[WATCHED])[service] != hung.before[WATCHED][service]


def test_the_settings_keep_the_promise(targets: dict[str, Target]) -> None:
    """Whatever a busy machine adds: looks of the watchdog, or failed checks, a look and a grace."""
    assert watchdog.PATIENCE + 2 * watchdog.PERIOD <= PROMISE
    config = targets[WATCHED].container("nginx")["Config"]
    check = config["Healthcheck"]
    failing = (check["Interval"] + check["Timeout"]) * (check.get("Retries") or DOCKERS_RETRIES) / 10**9
    assert failing + watchdog.PERIOD + watchdog.DEFAULT_GRACE <= PROMISE
    assert not config.get("StopTimeout")


def test_without_the_watchdog_a_hang_stays(hung: Hang) -> None:
    assert hung.meanwhile == hung.before[UNWATCHED]


def test_the_stack_serves_again(target: Target, hung: Hang) -> None:
    wait_until(
        "all are other processes", lambda: not first(target).items() & hung.before[target.name].items()
    )
    wait_until("the stack is healthy", target.is_healthy)
    assert target.request(FILM).status == 200


@pytest.mark.parametrize(
    ("service", "what"), [("nginx", "is unhealthy"), ("api", "has been stopped"), ("db", "has been stopped")]
)
def test_the_journal_has_a_line_for_each(target: Target, hung: Hang, service: str, what: str) -> None:
    lines = target.run("journalctl --unit %s --output cat", UNIT).splitlines()
    assert any(line.startswith(f"{target.name_of(service)} {what}") for line in lines), lines


@pytest.fixture(scope="module")
def down(targets: dict[str, Target], hung: Hang) -> Iterator[None]:
    """Have the API down on both hosts: Docker could not start it on one, somebody stopped it on the other."""
    watched, unwatched = targets[WATCHED], targets[UNWATCHED]
    unwatched.run("docker stop %s", unwatched.name_of("api"))
    container = watched.container("api")
    # Docker does not try again if a file that is to be mounted is missing.
    secret = next(mount["Source"] for mount in container["Mounts"] if "/secrets/" in mount["Source"])
    watched.run("mv %s /root/kept", secret)
    try:
        watched.run("kill -KILL %s", str(container["State"]["Pid"]))
        wait_until("Docker has given up", lambda: watched.container("api")["State"]["Status"] == "exited")
    finally:
        watched.run("mv /root/kept %s", secret)
    yield
    unwatched.run("docker start %s", unwatched.name_of("api"))


@pytest.mark.usefixtures("down")
def test_what_docker_left_stopped_is_started_and_what_somebody_stopped_is_not(
    targets: dict[str, Target],
) -> None:
    watched, unwatched = targets[WATCHED], targets[UNWATCHED]
    wait_until("it runs", lambda: watched.container("api")["State"]["Running"])
    wait_until("the stack is healthy", watched.is_healthy)
    assert watched.request(FILM).status == 200
    assert unwatched.run("systemctl is-active %s", UNIT) == "active"
    assert unwatched.container("api")["State"]["Status"] == "exited"
