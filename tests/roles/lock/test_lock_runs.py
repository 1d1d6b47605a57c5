"""Runs of ansible-playbook that want the same host, and what they leave behind however they end."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
EXPIRY = 6
PLAYBOOK = """
- name: Deploy
  hosts: localhost
  connection: local
  gather_facts: false
  roles:
    - role: lock
  tasks:
    - name: Deploy until told to stop
      ansible.builtin.wait_for:
        path: "{{ stop }}"
        sleep: 1
        timeout: 600
"""


def wait_until(what: str, condition: Callable[[], bool]) -> None:
    """Ask until the condition holds."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"still waiting until {what}"
        time.sleep(0.02)


def parents(mark: str) -> dict[int, int]:
    """Return the parent of each process that has a mark in its environment and has not ended."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                status = (folder / "status").read_text()
                if not re.search(r"^State:\s+Z", status, re.MULTILINE):
                    found[int(folder.name)] = int(re.findall(r"^PPid:\s+(\d+)", status, re.MULTILINE)[0])
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


@dataclass
class Run:
    """A run of the playbook, with all its processes."""

    arguments: list[str]
    mark: str = field(default_factory=lambda: f"LOCK_TEST={uuid.uuid4()}")
    output: str = ""

    def __post_init__(self) -> None:
        name, value = self.mark.split("=")
        self.main = subprocess.Popen(
            [str(Path(sys.executable).with_name("ansible-playbook")), *self.arguments],
            cwd=REPOSITORY,
            env=os.environ
            | {"ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0", name: value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def processes(self) -> set[int]:
        return set(parents(self.mark))

    def keeper(self) -> int | None:
        """Return the process that keeps the lease: the first that is no descendant of ansible-playbook."""
        found = parents(self.mark)
        strays = {pid for pid, parent in found.items() if pid != self.main.pid and parent not in found}
        return min(strays, default=None)

    def end(self) -> int:
        """Wait until it has ended and its output is complete, and return its status."""
        self.output = self.main.communicate(timeout=60)[0]
        return self.main.returncode


@dataclass
class Host:
    """What the runs fight for."""

    folder: Path
    runs: list[Run] = field(default_factory=list)

    @property
    def stop(self) -> Path:
        return self.folder / "stop"

    @property
    def leases(self) -> list[Path]:
        return list((self.folder / "lock").glob("*.json"))

    def start(self, *args: str) -> Run:
        variables = f"lock_dir={self.folder}/lock lock_expiry={EXPIRY} stop={self.stop}"
        run = Run([str(self.folder / "play.yml"), "-i", "localhost,", "--extra-vars", variables, *args])
        self.runs.append(run)
        return run

    def touched(self) -> float:
        """Return when the lease was touched, in seconds."""
        return self.leases[0].stat().st_mtime

    def start_and_hold(self) -> tuple[Run, int]:
        """Start a run, and return it with the process that keeps its lease as soon as it does."""
        run = self.start()
        wait_until("the lease is taken", lambda: bool(self.leases))
        taken = self.touched()
        wait_until("the lease is touched", lambda: self.touched() > taken)
        keeper = run.keeper()
        assert keeper
        return run, keeper

    def deploy(self, *args: str) -> Run:
        """Run to the end, with nothing to wait for but the lock."""
        run = self.start("--extra-vars", "stop=/", *args)
        run.end()
        return run


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A host, and in the end the proof that no run left a process behind."""
    host = Host(tmp_path)
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    yield host
    host.stop.touch()
    for run in host.runs:
        with run.main:
            run.end()
    try:
        wait_until("all processes have ended", lambda: not any(run.processes() for run in host.runs))
    finally:
        for pid in set().union(*(run.processes() for run in host.runs)):
            os.kill(pid, signal.SIGKILL)


def assert_deployed(run: Run) -> None:
    assert run.main.returncode == 0, run.output
    assert re.search(r"^localhost .* changed=0 .* failed=0 ", run.output, re.MULTILINE), run.output


def test_a_host_is_one_runs_for_as_long_as_that_takes(host: Host) -> None:
    first, _ = host.start_and_hold()
    began, leases = host.touched(), host.leases
    wait_until("it is held for longer than it outlives its holder", lambda: host.touched() > began + EXPIRY)
    # A dry run changes nothing, so it needs nothing.
    refused, dry = host.start("--extra-vars", "stop=/"), host.start("--extra-vars", "stop=/", "--check")
    assert (refused.end(), dry.end()) == (2, 0), dry.output
    assert re.search(
        rf"localhost is being deployed to by \S+@\S+ \(process {first.main.pid}\) since "
        r"\d\d:\d\d:\d\d UTC: wait for it to end, then run this again",
        " ".join(refused.output.split()),
    ), refused.output
    assert first.main.poll() is None
    assert host.leases == leases

    host.stop.touch()
    assert first.end() == 0, first.output
    assert_deployed(host.deploy())


@pytest.mark.parametrize(
    ("number", "kill"),
    [
        pytest.param(signal.SIGKILL, os.kill, id="killed"),
        pytest.param(signal.SIGKILL, os.killpg, id="killed with its group"),
        pytest.param(signal.SIGTERM, os.kill, id="terminated"),
        pytest.param(signal.SIGINT, os.killpg, id="interrupted at the terminal"),
    ],
)
def test_a_run_that_is_stopped_gives_the_host_back(
    host: Host, number: int, kill: Callable[[int, int], None]
) -> None:
    first, _ = host.start_and_hold()
    kill(first.main.pid, number)
    wait_until("the lease is gone", lambda: not host.leases)


def test_a_run_whose_controller_died_loses_the_host(host: Host) -> None:
    first, keeper = host.start_and_hold()
    # What keeps the lease goes first: it must not give the host back.
    for pid in [keeper, *first.processes()]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until("all of it is dead", lambda: not first.processes())
    assert host.leases
    assert_deployed(host.deploy())


def test_the_output_ends_with_the_run(host: Host) -> None:
    first, keeper = host.start_and_hold()
    os.kill(keeper, signal.SIGSTOP)
    try:
        host.stop.touch()
        assert first.end() == 0
        assert keeper in first.processes()
    finally:
        os.kill(keeper, signal.SIGCONT)
    wait_until("the lease is gone", lambda: not host.leases)


def test_a_run_that_has_lost_its_lease_is_ended(host: Host) -> None:
    first, _ = host.start_and_hold()
    asleep = first.processes()
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    second = host.start()
    wait_until("another run has the host", lambda: second.keeper() is not None)
    for pid in asleep:
        os.kill(pid, signal.SIGCONT)

    assert first.end() == -signal.SIGTERM
    assert "This run no longer holds localhost: " in first.output.splitlines()[-1]
    assert second.main.poll() is None
    host.stop.touch()
    second.end()
    assert_deployed(second)
