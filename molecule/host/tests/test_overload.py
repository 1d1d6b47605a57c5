"""An API that is busy is not taken for one that hangs, and a worker that hangs is replaced."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from targets import FILM, PORT, Target
from waiting import wait_until

BUSY, HANGING = "debian13", "debian12"
WORKERS, THREADS = 4, 8
# Requests come in so many batches of so many at most, until no worker has a thread left: which worker takes
# how many is left to the kernel. All together they are fewer than one client may have under way.
BATCHES, REQUESTS = 9, 50
# After so many that fail, Docker would call the container unhealthy.
CHECKS = 3

# Seconds within which a worker that hangs is replaced.
PROMISE = 60

# Sends many requests at once, and prints the status of each answer.
ASK = """
import json, sys, urllib.request
from concurrent.futures import ThreadPoolExecutor
def ask(_):
    try:
        with urllib.request.urlopen(sys.argv[1], timeout=90) as answer:
            return answer.status
    except OSError as error:
        return str(error)
count = int(sys.argv[2])
with ThreadPoolExecutor(count) as pool:
    print(json.dumps(list(pool.map(ask, range(count)))))
"""
# Prints what becomes of a request that asks nothing of the database.
ALIVE = """
import sys, urllib.request
try:
    print(urllib.request.urlopen(f"http://{sys.argv[1]}:9000/health/live", timeout=5).status)
except TimeoutError:
    print("timed out")
"""
# Prints how long a worker may give no sign of life.
TIMEOUT = "import runpy; print(runpy.run_path('gunicorn.conf.py')['timeout'])"


def alive(target: Target) -> str:
    address = target.container("api")["NetworkSettings"]["Networks"]["django_backend"]["IPAddress"]
    return target.in_network_of("api", ALIVE, address)


def workers(target: Target) -> set[int]:
    """Return the processes of gunicorn's workers."""
    processes = target.processes("api")
    first = target.container("api")["State"]["Pid"]
    return {pid for pid, process in processes.items() if process.parent == first}


def checks_since(container: dict[str, Any], start: str) -> list[dict[str, Any]]:
    """Return the health checks that began after a time, of the five that Docker keeps."""
    return [check for check in container["State"]["Health"]["Log"] if check["Start"] > start]


@dataclass(frozen=True)
class Busy:
    """What was seen while every thread of an API waited for the database.

    Attributes:
        before: Its container, before.
        after: Its container, some health checks later.
        checks: The health checks meanwhile.
        alive: What became of a request that asks nothing of the database.
        statuses: Of the answers to all requests, in the end.
    """

    before: dict[str, Any]
    after: dict[str, Any]
    checks: list[dict[str, Any]]
    alive: str
    statuses: list[int]


@pytest.fixture(scope="module")
def stopped_worker(targets: dict[str, Target]) -> tuple[int, int]:
    """Stop a worker, and return its process and gunicorn's own."""
    target = targets[HANGING]
    worker = min(workers(target))
    target.run("kill -STOP %s", str(worker))
    return worker, target.container("api")["State"]["Pid"]


@pytest.fixture(scope="module")
def busy(targets: dict[str, Target], stopped_worker: tuple[int, int]) -> Busy:
    """Have all threads of an API wait for the database, while another API has a worker that hangs."""
    target = targets[BUSY]
    before = target.container("api")
    password = target.secret("postgres_password")
    lock = "BEGIN; LOCK TABLE movies_film IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)"
    sleeper = "FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'"
    asked: list[Future[str]] = []
    with ThreadPoolExecutor(BATCHES + 1) as pool:
        pool.submit(target.psql, "postgres", password, lock)
        try:
            wait_until(
                "the table is locked",
                lambda: target.sql(f"SELECT count(*) {sleeper} AND wait_event = 'PgSleep'") == "1",
            )
            url = f"http://{target.address}:{PORT}{FILM}"

            def are_all_waiting() -> bool:
                if int(target.sql("SELECT count(*) FROM pg_locks WHERE NOT granted")) >= WORKERS * THREADS:
                    return True
                if len(asked) < BATCHES:
                    command = "python3 -c %s %s %s"
                    asked.append(pool.submit(target.outside.check_output, command, ASK, url, str(REQUESTS)))
                return False

            wait_until("all threads wait", are_all_waiting)
            last = target.container("api")["State"]["Health"]["Log"][-1]["Start"]
            said = alive(target)
            wait_until(
                "some health checks later", lambda: len(checks_since(target.container("api"), last)) >= CHECKS
            )
            after = target.container("api")
        finally:
            target.sql(f"SELECT pg_terminate_backend(pid) {sleeper}")
        statuses = [status for batch in asked for status in json.loads(batch.result())]
        return Busy(before, after, checks_since(after, last), said, statuses)


def test_a_request_would_wait_in_line(busy: Busy) -> None:
    """The control of the next tests: a health check that is a request would have failed."""
    assert busy.alive == "timed out"


def test_a_busy_api_stays_healthy(busy: Busy) -> None:
    assert [check["ExitCode"] for check in busy.checks] == [0] * len(busy.checks)
    assert busy.after["State"]["Health"]["Status"] == "healthy"


def test_a_busy_api_is_not_restarted(targets: dict[str, Target], busy: Busy) -> None:
    assert busy.after["Id"] == busy.before["Id"]
    assert targets[BUSY].container("api")["State"]["Pid"] == busy.before["State"]["Pid"]


def test_every_request_is_answered(busy: Busy) -> None:
    assert len(busy.statuses) >= WORKERS * THREADS
    assert set(busy.statuses) == {200}


@pytest.mark.usefixtures("busy")
def test_gunicorn_replaces_a_worker_that_hangs(
    targets: dict[str, Target], stopped_worker: tuple[int, int]
) -> None:
    target = targets[HANGING]
    worker, gunicorn = stopped_worker
    wait_until(
        "another worker is there", lambda: worker not in (now := workers(target)) and len(now) == WORKERS
    )
    assert target.container("api")["State"]["Pid"] == gunicorn


def test_gunicorn_keeps_the_promise(targets: dict[str, Target]) -> None:
    """Whatever a busy machine adds: a worker's silence, and the arbiter's look at it, each second."""
    timeout = targets[HANGING].run("docker exec %s python -c %s", targets[HANGING].name_of("api"), TIMEOUT)
    assert int(timeout) + 2 <= PROMISE
