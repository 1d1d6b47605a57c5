"""What keeps a lease touches it until another process has ended, and is held up by no command that hangs."""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import hold_lease
import pytest
from ansible.errors import AnsibleActionFail
from hold_lease import Process, ansible_playbook, leave_behind, let_go, run_bounded, user


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


def test_a_process_is_waited_for() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        assert process.stdin
        threading.Timer(0.1, process.stdin.close).start()
        assert Process(process.pid).ends_within(60)


def test_where_a_process_can_not_be_watched_it_is_asked_for_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("os.pidfd_open")
    with subprocess.Popen(["sleep", "60"]) as other:

        def sleep(seconds: float) -> None:
            assert seconds == 60
            other.kill()
            other.wait()

        process = Process(other.pid)
        monkeypatch.setattr("hold_lease.time.sleep", sleep)
        assert process.ends_within(60)


def test_a_process_that_ended_before_it_was_watched_has_ended(other: subprocess.Popen[bytes]) -> None:
    other.kill()
    other.wait()
    assert Process(other.pid).ends_within(0.1)


def test_a_process_is_ended_and_told_why() -> None:
    with subprocess.Popen(["sleep", "60"], stderr=subprocess.PIPE, text=True) as process:
        Process(process.pid).end("for this reason")
        assert process.communicate(timeout=10)[1] == "for this reason\n"
        assert process.returncode == -signal.SIGTERM


def test_why_is_added_to_what_the_process_has_said_in_a_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    with log.open("r+") as file, subprocess.Popen(["sleep", "60"], stderr=file) as process:
        Process(process.pid).end("for this reason")
    assert log.read_text() == "before\nfor this reason\n"


def test_a_process_whose_output_nobody_reads_is_ended_all_the_same() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    with subprocess.Popen(["sleep", "60"], stderr=writer) as process:
        Process(process.pid).end("for this reason")
        assert process.wait(10) == -signal.SIGTERM
    os.close(reader)
    os.close(writer)


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
    process.end("for this reason")
    other.send_signal(signal.SIGUSR1)
    assert other.wait(10) == -signal.SIGUSR1


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
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_all_files_but_one_lead_nowhere(tmp_path: Path) -> None:
    def work() -> int:
        kept, _other = (os.open(tmp_path / name, os.O_CREAT | os.O_RDWR) for name in ("kept", "other"))
        let_go(kept)
        led = {}
        for number in map(int, os.listdir("/dev/fd")):  # noqa: PTH208 - numbers are wanted
            with contextlib.suppress(FileNotFoundError):
                led[number] = os.readlink(f"/dev/fd/{number}")  # noqa: PTH115 - in a way that opens nothing
        os.write(kept, b"written")
        assert led.pop(kept) == str(tmp_path / "kept")
        assert set(led.values()) == {os.devnull}
        assert {number for number in led if os.get_inheritable(number)} == {0, 1, 2}
        return 0

    assert run_bounded(work, 60) == 0
    assert (tmp_path / "kept").read_text() == "written"


def test_what_is_left_behind_is_nobodys_child_and_has_no_terminal(tmp_path: Path) -> None:
    def work() -> int:
        tell = {
            "pid": os.getpid(),
            "session": os.getsid(0),
            "ends": [signal.getsignal(one) == signal.SIG_DFL for one in (signal.SIGINT, signal.SIGTERM)],
        }
        (tmp_path / f"{os.getpid()}.partial").write_text(json.dumps(tell))
        (tmp_path / f"{os.getpid()}.partial").rename(tmp_path / f"{os.getpid()}.told")
        return 0

    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        leave_behind(work)
    finally:
        signal.signal(signal.SIGTERM, before)

    deadline = time.monotonic() + 60
    while not (found := list(tmp_path.glob("*.told"))):
        assert time.monotonic() < deadline, "nothing is left behind"
        time.sleep(0.01)
    (told,) = [json.loads(path.read_text()) for path in found]
    assert told["ends"] == [True, True]
    assert told["session"] != os.getsid(0)
    # The first process of a session would get a terminal of its own with the next one that it opens.
    assert told["session"] != told["pid"]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize("parent", [None, SimpleNamespace(pid=None), SimpleNamespace(pid=os.getppid())])
def test_the_run_is_the_process_above(monkeypatch: pytest.MonkeyPatch, parent: Any) -> None:
    monkeypatch.setattr("multiprocessing.parent_process", lambda: parent)
    assert ansible_playbook().pid == os.getppid()


def test_a_run_that_has_ended_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiprocessing.parent_process", lambda: SimpleNamespace(pid=1))
    with pytest.raises(AnsibleActionFail, match="ansible-playbook has ended: run it again"):
        ansible_playbook()


def test_who_has_no_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    assert user() == "ann"

    def unknown() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", unknown)
    assert user() == str(os.getuid())


class Playbook:
    """A run that ends after some looks at it."""

    pid = 4711
    descriptor = 7

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.waited: list[float] = []
        self.told: list[str] = []

    def ends_within(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return len(self.waited) > self.looks

    def end(self, why: str) -> None:
        self.told.append(why)


class Keeper:
    """The action on a host that is this machine, and the process that it leaves behind."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, playbook: Playbook) -> None:
        self.left: list[Callable[[], int]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answer: dict[str, Any] = {"changed": False}
        self.commands: list[str] = []
        self.bounds: list[float] = []
        self.kept: list[int | None] = []
        self.queues: list[object] = []
        self.before: Callable[[], None] = lambda: None
        task = MagicMock(args={"dir": "/run/lock", "expiry": "6"}, async_val=0, check_mode=False)
        self.action = hold_lease.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
        monkeypatch.setattr(self.action, "_execute_module", self.execute)
        monkeypatch.setattr(self.action, "_low_level_execute_command", self.command)
        monkeypatch.setattr(hold_lease, "ansible_playbook", lambda: playbook)
        monkeypatch.setattr(hold_lease, "leave_behind", self.left.append)
        monkeypatch.setattr(hold_lease, "let_go", self.kept.append)
        monkeypatch.setattr(hold_lease, "run_bounded", self.bounded)
        monkeypatch.setattr("hold_lease.Display.set_queue", lambda _, queue: self.queues.append(queue))

    def execute(self, module_name: str, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        assert task_vars == {"inventory_hostname": "web1"}
        self.asked.append((module_name, module_args))
        return self.answer

    def bounded(self, work: Callable[[], int], seconds: float) -> int | None:
        self.bounds.append(seconds)
        return work()

    def command(self, command: str) -> dict[str, str]:
        self.before()
        self.commands.append(command)
        return {"rc": str(subprocess.call(["sh", "-c", command]))}

    def run(self) -> dict[str, Any]:
        result: dict[str, Any] = self.action.run(task_vars={"inventory_hostname": "web1"})
        return result


def test_the_module_is_told_who_runs_and_keeps_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold_lease, "user", lambda: "ann")
    monkeypatch.setattr("socket.gethostname", lambda: "laptop")
    keeper = Keeper(monkeypatch, Playbook(0))
    keeper.answer = {"changed": False, "failed": True, "msg": "held"}

    assert keeper.run() == keeper.answer
    assert keeper.asked == [
        (
            "lease",
            {
                "dir": "/run/lock",
                "expiry": "6",
                "run": hold_lease.RUN,
                "host": "web1",
                "holder": "ann@laptop",
                "process": 4711,
            },
        )
    ]
    assert keeper.left == []


def test_each_run_has_a_name_of_its_own() -> None:
    names = {runpy.run_path(hold_lease.__file__)["RUN"] for _ in range(3)}
    assert {len(name) for name in names} == {16}
    assert len(names) == 3


@pytest.fixture
def lease(tmp_path: Path) -> Path:
    """A lease whose name the shell must not take apart."""
    path = tmp_path / "a lease's.json"
    path.touch()
    return path


def test_a_lease_is_touched_three_times_an_expiry_and_removed_in_the_end(
    monkeypatch: pytest.MonkeyPatch, lease: Path
) -> None:
    playbook = Playbook(3)
    keeper = Keeper(monkeypatch, playbook)
    keeper.answer = {"changed": False, "path": str(lease)}
    touched = []

    def before() -> None:
        touched.append(lease.stat().st_mtime_ns)
        os.utime(lease, ns=(1, 1))

    assert keeper.run() == keeper.answer
    os.utime(lease, ns=(1, 1))
    keeper.before = before
    (work,) = keeper.left
    assert work() == 0

    assert playbook.waited == [2.0] * 4
    assert len(touched) == 4
    assert touched[0] == 1
    assert min(touched[1:]) > 1
    assert not lease.exists()
    assert playbook.told == []
    assert keeper.bounds == [6] * 4
    # Of the run it has nothing but the run's own end.
    assert keeper.kept == [7]
    assert keeper.queues == [None]


def test_a_run_that_has_lost_its_lease_is_ended_and_removes_nothing(
    monkeypatch: pytest.MonkeyPatch, lease: Path
) -> None:
    playbook = Playbook(3)
    keeper = Keeper(monkeypatch, playbook)
    keeper.answer = {"changed": False, "path": str(lease)}
    keeper.run()
    lease.unlink()
    (work,) = keeper.left
    assert work() == 0

    assert playbook.told == [
        "This run no longer holds web1: it slept for too long, or the host was restarted. Run it again."
    ]
    assert len(keeper.commands) == 1
    assert not lease.exists()


@pytest.mark.parametrize("answer", [None, 1, 255])
def test_a_host_that_is_out_of_reach_for_a_moment_is_touched_again(
    monkeypatch: pytest.MonkeyPatch, lease: Path, answer: int | None
) -> None:
    playbook = Playbook(3)
    keeper = Keeper(monkeypatch, playbook)
    keeper.answer = {"changed": False, "path": str(lease)}
    monkeypatch.setattr(hold_lease, "run_bounded", lambda _work, _seconds: answer)
    keeper.run()
    (work,) = keeper.left
    assert work() == 0

    assert len(playbook.waited) == 4
    assert playbook.told == []
