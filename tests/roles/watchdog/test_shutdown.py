"""At a shutdown, each container is told to end in its turn, and killed if it does not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import shutdown

# Says when it was told to end, and ends; told to be stubborn, it goes on.
PROGRAM = """
import signal, sys, time
name, log, stubborn = sys.argv[1:]
def heed(number, _frame):
    with open(log, "a") as file:
        file.write(f"{name} {signal.Signals(number).name}\\n")
    if not stubborn:
        time.sleep(0.2)
        with open(log, "a") as file:
            file.write(f"{name} has ended\\n")
        sys.exit()
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
    signal.signal(number, heed)
print("ready", flush=True)
while True:
    time.sleep(60)
"""
STOP_SIGNALS = {"nginx": signal.SIGQUIT, "api": signal.SIGTERM, "db": signal.SIGINT}


@contextmanager
def container(log: Path, service: str, *, stubborn: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Run a process in place of a container's."""
    words = [sys.executable, "-c", PROGRAM, service, str(log), "yes" if stubborn else ""]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def note(process: subprocess.Popen[str], service: str, **other: Any) -> dict[str, Any]:
    """Return what the watchdog would note of it."""
    return {
        "container": f"django-{service}-1",
        "service": service,
        "pid": process.pid,
        "began": shutdown.began(process.pid),
        "stop_signal": STOP_SIGNALS[service],
        "grace": 60,
    } | other


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the program on such notes; the machine is shutting down unless told otherwise."""

    def run(notes: list[dict[str, Any]] | None, *, state: str = "stopping") -> None:
        if notes is not None:
            (tmp_path / "running").write_text(json.dumps(notes))
        systemctl = tmp_path / "systemctl"
        systemctl.write_text(f'#!/bin/sh\n[ "$*" = is-system-running ] && echo {state}\nexit 1\n')
        systemctl.chmod(0o755)
        monkeypatch.setattr(shutdown, "SYSTEMCTL", str(systemctl))
        monkeypatch.setattr(sys, "argv", ["shutdown", str(tmp_path / "running"), "nginx", "api", "db"])
        shutdown.main()

    return run


def test_each_gets_its_own_signal_after_the_one_before_has_ended(log: Path, run: Any) -> None:
    with container(log, "db") as db, container(log, "nginx") as nginx, container(log, "api") as api:
        run([note(db, "db"), note(nginx, "nginx"), note(api, "api")])
        assert [process.wait() for process in (nginx, api, db)] == [0, 0, 0]
    assert log.read_text().splitlines() == [
        "nginx SIGQUIT",
        "nginx has ended",
        "api SIGTERM",
        "api has ended",
        "db SIGINT",
        "db has ended",
    ]


def test_one_that_does_not_end_in_its_grace_is_killed(
    log: Path, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with container(log, "api", stubborn=True) as api, container(log, "db") as db:
        run([note(api, "api", grace=0.5), note(db, "db")])
        assert (api.wait(), db.wait()) == (-signal.SIGKILL, 0)
    assert log.read_text().splitlines() == ["api SIGTERM", "db SIGINT", "db has ended"]
    assert capsys.readouterr().out.splitlines() == [
        "django-api-1 has not ended in 0 s: killing it",
        "django-db-1 has ended",
    ]


def test_a_later_process_with_the_same_number_is_left_alone(log: Path, run: Any) -> None:
    with container(log, "api") as api:
        run([note(api, "api", began="1")])
        assert api.poll() is None
    assert not log.exists()


@pytest.mark.parametrize("state", ["running", "degraded", "starting"])
def test_nothing_is_ended_while_the_machine_goes_on(log: Path, run: Any, state: str) -> None:
    with container(log, "api") as api:
        run([note(api, "api")], state=state)
        assert api.poll() is None
    assert not log.exists()


def test_what_has_ended_already_keeps_nobody(log: Path, run: Any) -> None:
    with container(log, "api") as api, container(log, "db") as db:
        notes = [note(api, "api"), note(db, "db")]
        api.kill()
        api.wait()
        run(notes)
        assert db.wait() == 0


def test_a_watchdog_that_never_ran_has_noted_nothing(run: Any) -> None:
    run(None)
