"""The attack matrix: whatever has happened to a host, ssh and the API are all that a neighbour finds."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from attacks import ATTACKS, Found, attack_all, wait_for_service, wait_for_tables
from runs import extra
from scenario import ADDRESSES, PLAYBOOKS, machine
from targets import PORT, Target
from waiting import wait_until

OPEN = {22, PORT}
Targets = dict[str, Target]
Say = Callable[[str], None]
# Without those that look at migrations, which come and go.
APIS = (
    "docker ps --quiet --filter label=com.docker.compose.service=api "
    "--filter label=com.docker.compose.oneoff=False"
)


def at_rest(targets: Targets, state: str, say: Say) -> dict[str, Found]:
    return attack_all(targets, state)


def daemon_restarted(targets: Targets, state: str, say: Say) -> dict[str, Found]:
    for target in targets.values():
        target.run("systemctl restart docker")
    wait_for_service(*targets.values())
    return attack_all(targets, state)


def rules_flushed(targets: Targets, state: str, say: Say) -> dict[str, Found]:
    for target in targets.values():
        engine = target.run("systemctl show --property=ActiveEnterTimestampMonotonic docker")
        target.run("nft flush ruleset")
        flushed = time.monotonic()
        wait_for_tables(target)
        say(f"{target.name}: our tables were back {time.monotonic() - flushed:.1f} s after a flush")
        wait_until(
            "Docker was restarted",
            lambda target=target, engine=engine: (
                engine != target.run("systemctl show --property=ActiveEnterTimestampMonotonic docker")
                and target.host.run("iptables -t nat -n -L DOCKER").succeeded
            ),
        )
        wait_for_service(target)
        say(f"{target.name}: the API answered again {time.monotonic() - flushed:.1f} s after a flush")
    return attack_all(targets, state)


def in_a_redeploy(targets: Targets, state: str, say: Say) -> dict[str, Found]:
    release = extra(stack_api_environment={"RELEASE": f"of {time.time()}"})
    with ExitStack() as stack:
        # A run for each host, as one run would release to the second only when the first is done.
        runs = [
            stack.enter_context(PLAYBOOKS.start("--tags=release", f"--limit=localhost,{name}", release))
            for name in targets
        ]
        with ThreadPoolExecutor() as pool:
            started = list(pool.map(halted_release, targets.values(), runs))
        found = attack_all(targets, state)
        assert [run.poll() for run in runs] == [None, None], "a redeploy was over before the attack"
        for target, process in zip(targets.values(), started, strict=True):
            target.run("kill -CONT %s", process)
        outputs = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    return found


def halted_release(target: Target, run: subprocess.Popen[str]) -> str:
    """Halt the first process of a release as it starts beside the one before; return its number."""
    wait_until("two releases run", lambda: run.poll() is not None or len(target.run(APIS).split()) == 2)
    process = target.run("docker inspect --format '{{.State.Pid}}' %s", target.run(APIS).split()[0])
    target.run("kill -STOP %s", process)
    return process


def rebooted(targets: Targets, state: str, say: Say) -> dict[str, Found]:
    machines = [machine(name) for name in targets]
    subprocess.run(["docker", "restart", "--time=60", *machines], check=True, capture_output=True)
    wait_for_service(*targets.values())
    return attack_all(targets, state)


STATES = {
    "at rest": at_rest,
    "daemon restarted": daemon_restarted,
    "rules flushed": rules_flushed,
    "in a redeploy": in_a_redeploy,
    "rebooted": rebooted,
}


@pytest.fixture(scope="module", params=STATES)
def state(
    request: pytest.FixtureRequest, targets: Targets, matrix: dict[str, dict[str, Found]], say: Say
) -> dict[str, Found]:
    """Bring both hosts into a state and attack them; return what was found on each."""
    started = time.monotonic()
    matrix[request.param] = STATES[request.param](targets, request.param, say)
    say(f"{request.param}: reached and attacked in {time.monotonic() - started:.0f} s")
    return matrix[request.param]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("name", ADDRESSES)
def test_a_neighbour_finds_ssh_and_the_api_alone(state: dict[str, Found], name: str, attack: str) -> None:
    found = state[name][attack]
    if attack == "full TCP scan":
        assert found == {(ADDRESSES[name], port) for port in OPEN}
    elif attack == "IPv6 and link-local":
        # The API is published over IPv4 alone.
        assert {port for _, port in found} == {22}, found
        assert len({address for address, _ in found}) == 2, found
    else:
        assert found == set()
