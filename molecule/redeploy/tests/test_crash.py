"""A deploy may be killed anywhere: the service answers throughout, and the next run finishes the work."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest
from crash import find_rollout, kill_rollout
from runs import kill, tasks
from scenario import PLAYBOOKS
from state import assert_at_rest, assert_served, whole_form
from targets import STACK, Target
from traffic import Load

STAGES = [
    pytest.param("beside", 0.0, id="new container started", marks=whole_form),
    pytest.param("beside", 1.5, id="new container getting ready", marks=whole_form),
    pytest.param("switched", 0.0, id="switched"),
    pytest.param("switched", 1.0, id="old container drained", marks=whole_form),
    pytest.param("switched", 4.0, id="old container drained or gone", marks=whole_form),
]
# With a slow client, so that there is something to drain.
CLIENTS = {"get-keepalive": 6, "get-close": 4, "post": 2, "slow": 1}


def boundaries() -> Sequence[tuple[int, str]]:
    """Run a deploy; return the number and the name of each of its tasks.

    A task that is skipped is counted and left out: nothing happens between its beginning and the next one's.
    """
    seen: list[str] = []
    with PLAYBOOKS.start() as process:
        names = list(tasks(process, seen))
    printed = "".join(seen)
    assert process.returncode == 0, printed
    results = re.split(r"^TASK \[", printed, flags=re.MULTILINE)[1:]
    ran = [re.search(r"^(ok|changed|included): ", result, re.MULTILINE) for result in results]
    return [(number, name) for number, name in enumerate(names) if ran[number]]


@whole_form
def test_a_deploy_may_be_killed_at_any_task(
    host: Target, light_load: Load, new_release: Callable[..., str], say: Callable[[str], None]
) -> None:
    new_release()
    chosen = boundaries()
    requests = 0
    for task, expected in chosen:
        release = new_release()
        with light_load(f"killed at {expected}", quiet=True) as traffic:
            name = PLAYBOOKS.killed_at(task)
            PLAYBOOKS.deploy()
        # Else a number leads to another task, and some task to none.
        assert expected in name
        traffic.assert_nothing_failed()
        assert_at_rest(host, release, PLAYBOOKS.deploy)
        requests += len(traffic.records)
    say(f"killed at {len(chosen)} tasks: 0 of {requests} requests failed")


@pytest.mark.parametrize(("stage", "delay"), STAGES)
def test_a_deploy_may_be_killed_in_the_middle_of_the_switch(
    host: Target, load: Load, new_release: Callable[..., str], stage: str, delay: float
) -> None:
    release = new_release()
    with load(f"killed {delay} s after {stage}", clients=CLIENTS) as traffic:
        with PLAYBOOKS.start("--tags=release") as process:
            killed = kill_rollout(host, stage, delay)
            kill(process)
        # Some time after the switch, the rollout may have come to its end.
        assert killed > 0 or (stage, delay) == ("switched", 4.0)
        PLAYBOOKS.ship()
    traffic.assert_nothing_failed()
    assert_at_rest(host, release)


@whole_form
def test_a_rollout_goes_on_without_its_connection(
    host: Target, load: Load, new_release: Callable[..., str]
) -> None:
    release = new_release()
    with load("connection lost at the switch", clients=CLIENTS) as traffic:
        with PLAYBOOKS.start("--tags=release") as process:
            assert find_rollout(host, "switched") > 0
            kill(process)
        # There are slow answers to be waited for: it is still at it, and the next run has to wait for it.
        assert host.host.run("flock --nonblock %s true", f"{STACK}/.rollout").rc == 1
        PLAYBOOKS.ship()
    traffic.assert_nothing_failed()
    assert_served(host, release)
