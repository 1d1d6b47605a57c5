"""What keeps a lease: it sees the end of another process, and is not held up by a command that hangs."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hold_lease import Process, run_bounded


@pytest.fixture(params=["pidfd", "ps"])
def other(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[subprocess.Popen[bytes]]:
    """Another process, on a system that can watch it and on one that must ask again and again."""
    if request.param == "ps":
        monkeypatch.delattr("os.pidfd_open")
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_process_is_seen_to_live(other: subprocess.Popen[bytes]) -> None:
    assert not Process(other.pid).ends_within(0.1)


def test_a_killed_process_has_ended_though_its_parent_does_not_ask(other: subprocess.Popen[bytes]) -> None:
    process = Process(other.pid)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert process.ends_within(0.1)


def test_a_process_that_ended_before_it_was_watched_has_ended(other: subprocess.Popen[bytes]) -> None:
    other.kill()
    other.wait()
    assert Process(other.pid).ends_within(0.1)


def test_a_process_is_ended_and_told_why() -> None:
    with subprocess.Popen(["sleep", "60"], stderr=subprocess.PIPE, text=True) as process:
        Process(process.pid).end("for this reason")
        assert process.communicate(timeout=10)[1] == "for this reason\n"
        assert process.returncode == -signal.SIGTERM


def test_a_process_that_nobody_listens_to_is_ended(other: subprocess.Popen[bytes]) -> None:
    Process(other.pid).end("for this reason")
    assert other.wait(10) == -signal.SIGTERM


def test_what_has_ended_already_is_left_alone(other: subprocess.Popen[bytes]) -> None:
    process = Process(other.pid)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    process.end("for this reason")
    assert other.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("other", ["ps"], indirect=True)
def test_another_process_with_the_same_id_is_not_taken_for_it(
    other: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(other.pid)
    monkeypatch.setattr("hold_lease.started", lambda _pid: "Mon Nov 23 14:03:22 2026")
    assert process.ends_within(0.1)


@pytest.mark.parametrize("code", [0, 77])
def test_a_command_that_ends_in_time_says_how(code: int) -> None:
    assert run_bounded(lambda: code, 10) == code


def test_a_command_that_fails_is_no_command_that_succeeds(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_bounded(lambda: int("no number"), 10) == 255
    assert capfd.readouterr() == ("", "")


def test_a_command_that_hangs_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = tmp_path / "pid"
    script = f"echo $$ > {tmp_path}/partial; mv {tmp_path}/partial {pid_file}; sleep 60"
    # Time passes as soon as the command hangs.
    monkeypatch.setattr("hold_lease.time.monotonic", lambda: 10.0 if pid_file.exists() else 0.0)
    assert run_bounded(lambda: subprocess.call(["sh", "-c", script]), 10) is None
    assert Process(int(pid_file.read_text())).ends_within(10)
