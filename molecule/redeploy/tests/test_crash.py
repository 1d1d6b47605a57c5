"""A deploy that is killed, wherever: the service answers throughout, and the next run finishes the work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import PLAYBOOKS, WHOLE, Load, assert_at_rest, whole_form
from crash import kill_rollout
from runs import kill, tasks
from targets import Target

STAGES = [
    pytest.param("beside", 0.0, id="new container started", marks=whole_form),
    pytest.param("beside", 1.5, id="new container getting ready"),
    pytest.param("switched", 0.0, id="switched"),
    pytest.param("switched", 1.0, id="old container drained", marks=whole_form),
    pytest.param("switched", 4.0, id="old container drained or gone", marks=whole_form),
]
# With a slow client, so that there is something to drain.
CLIENTS = {"get-keepalive": 6, "get-close": 4, "post": 2, "slow": 1}
# Part of the name of tasks that the short form kills a run at.
SAMPLE = ("Build side by side", "Roll the release out")


def boundaries() -> list[str]:
    """Run a deploy and list its tasks."""
    seen: list[str] = []
    with PLAYBOOKS.start() as process:
        found = list(tasks(process, seen))
    assert process.returncode == 0, "".join(seen)
    return found


def test_a_deploy_may_be_killed_at_any_task(
    host: Target, load: Load, new_release: Callable[..., str], say: Callable[[str], None]
) -> None:
    new_release()
    names = boundaries()
    chosen = [
        (number, name) for number, name in enumerate(names) if WHOLE or any(part in name for part in SAMPLE)
    ]
    assert len(chosen) >= len(SAMPLE), names
    requests = 0
    for number, expected in chosen:
        release = new_release()
        with load(f"killed at {expected}", clients=CLIENTS, quiet=True) as traffic:
            name = PLAYBOOKS.killed_at(number)
            PLAYBOOKS.deploy()
        assert name.split(":")[0] == expected.split(":")[0]
        traffic.assert_nothing_failed()
        assert_at_rest(host, release)
        requests += len(traffic.records)
    say(f"killed at {len(chosen)} of {len(names)} tasks: 0 of {requests} requests failed")


@pytest.mark.parametrize(("stage", "delay"), STAGES)
def test_a_deploy_may_be_killed_in_the_middle_of_the_switch(
    host: Target, load: Load, new_release: Callable[..., str], stage: str, delay: float
) -> None:
    release = new_release()
    with load(f"killed {delay} s after {stage}", clients=CLIENTS) as traffic:
        with PLAYBOOKS.start() as process:
            killed = kill_rollout(host, stage, delay)
            kill(process)
        # Some time after the switch, the rollout may have come to its end.
        assert killed > 0 or (stage, delay) == ("switched", 4.0)
        PLAYBOOKS.deploy()
    traffic.assert_nothing_failed()
    assert_at_rest(host, release)
