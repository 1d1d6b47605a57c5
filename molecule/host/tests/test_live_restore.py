"""Docker's engine may die: the containers run on, and are looked after as before."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from targets import FILM, SERVICES, Target
from waiting import wait_until

ENGINE = "systemctl show --property MainPID --value docker"

States = dict[str, dict[str, Any]]


def states(target: Target) -> States:
    return {service: target.container(service)["State"] for service in SERVICES}


def last_checks(target: Target) -> dict[str, str]:
    """Return when each container's health was last checked."""
    return {service: state["Health"]["Log"][-1]["End"] for service, state in states(target).items()}


def another_answers(target: Target, engine: str) -> bool:
    return target.run(ENGINE) not in ("0", engine) and target.host.run("docker version").rc == 0


@pytest.fixture(scope="module")
def before(targets: dict[str, Target]) -> dict[str, States]:
    """Kill the engine of both hosts; return what their containers were like."""
    found = {name: states(target) for name, target in targets.items()}
    engines = {name: target.run(ENGINE) for name, target in targets.items()}
    for target in targets.values():
        target.run("systemctl kill --kill-whom=main --signal=KILL docker")
    for name, target in targets.items():
        wait_until("another engine answers", partial(another_answers, target, engines[name]))
    return found


def test_containers_outlive_the_engine(target: Target, before: dict[str, States]) -> None:
    for service, state in states(target).items():
        was = before[target.name][service]
        assert state["Running"]
        assert (state["Pid"], state["StartedAt"]) == (was["Pid"], was["StartedAt"])
    assert target.request(FILM).status == 200


@pytest.mark.usefixtures("before")
def test_their_health_is_checked_again(target: Target) -> None:
    """Engine 20.10 forgets to; the watchdog has it resume the checks."""
    checks = last_checks(target)
    wait_until("each has been checked", lambda: not last_checks(target).items() & checks.items())
