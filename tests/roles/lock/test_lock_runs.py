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
- name: Check
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Look early
      ansible.builtin.include_role:
        name: lock
        tasks_from: preflight
        apply: {tags: check}
      tags: [never, check]

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
        timeout: 60
"""


def wait_until(what: str, condition: Callable[[], bool], seconds: float) -> float:
    """Ask until the condition holds, and return how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - began


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

    def start_and_hold(self) -> tuple[Run, int]:
        """Start a run, and return it with the process that keeps its lease as soon as it does."""
        run = self.start()
        wait_until("the lease is taken", lambda: bool(self.leases), 30)
        taken = self.leases[0].stat().st_mtime_ns
        wait_until("the lease is touched", lambda: self.leases[0].stat().st_mtime_ns != taken, EXPIRY)
        keeper = run.keeper()
        assert keeper
        return run, keeper

    def deploy(self, *args: str) -> tuple[Run, float]:
        """Run to the end, with nothing to wait for but the lock, and return how long that took."""
        began = time.monotonic()
        run = self.start("--extra-vars", "stop=/", *args)
        run.end()
        return run, time.monotonic() - began


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
        wait_until("all processes have ended", lambda: not any(run.processes() for run in host.runs), 10)
    finally:
        for pid in set().union(*(run.processes() for run in host.runs)):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> float:
    """Seconds that a run takes on a free host: what is above is the lock's."""
    host = Host(tmp_path_factory.mktemp("free"))
    (host.folder / "play.yml").write_text(PLAYBOOK)
    run, seconds = host.deploy()
    assert run.main.returncode == 0, run.output
    return seconds


def assert_deployed(run: Run) -> None:
    assert run.main.returncode == 0, run.output
    assert re.search(r"^localhost .* changed=0 .* failed=0 ", run.output, re.MULTILINE), run.output


def test_a_second_run_is_told_who_holds_the_host(host: Host, usual: float) -> None:
    first, _ = host.start_and_hold()
    second, seconds = host.deploy()
    assert second.main.returncode == 2
    assert re.search(
        rf"localhost is being deployed to by \S+@\S+ \(process {first.main.pid}\) since \d\d:\d\d:\d\d UTC: "
        "wait for it to end, then run this again",
        " ".join(second.output.split()),
    ), second.output
    assert seconds - usual < 3

    host.stop.touch()
    assert first.end() == 0, first.output
    assert_deployed(host.deploy()[0])


def test_the_host_is_held_for_as_long_as_the_run_takes(host: Host) -> None:
    first, _ = host.start_and_hold()
    before = host.leases
    time.sleep(EXPIRY + 2)
    assert host.deploy()[0].main.returncode == 2
    assert host.leases == before
    assert first.main.poll() is None


def test_the_early_check_refuses_as_well_but_takes_nothing(host: Host, usual: float) -> None:
    assert_deployed(host.deploy("--tags", "check")[0])
    assert not list(host.folder.glob("lock"))

    host.start_and_hold()
    before = host.leases
    check, seconds = host.deploy("--tags", "check")
    assert check.main.returncode == 2
    assert "localhost is being deployed to by" in check.output
    assert seconds - usual < 3
    assert host.leases == before


def test_check_mode_neither_takes_the_host_nor_waits_for_it(host: Host, usual: float) -> None:
    first, _ = host.start_and_hold()
    before = host.leases
    check, seconds = host.deploy("--check")
    assert check.main.returncode == 0, check.output
    assert seconds - usual < 2
    assert host.leases == before
    assert first.main.poll() is None


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
    wait_until("the lease is gone", lambda: not host.leases, 3)
    assert_deployed(host.deploy()[0])


def test_a_run_whose_controller_died_loses_the_host(host: Host, usual: float) -> None:
    first, keeper = host.start_and_hold()
    # What keeps the lease goes first: it must not give the host back.
    for pid in [keeper, *first.processes()]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until("all of it is dead", lambda: not first.processes(), 3)
    assert host.leases
    second, seconds = host.deploy()
    assert_deployed(second)
    assert EXPIRY - 1 < seconds - usual < EXPIRY + 2


def test_the_output_ends_with_the_run(host: Host) -> None:
    first, keeper = host.start_and_hold()
    os.kill(keeper, signal.SIGSTOP)
    try:
        host.stop.touch()
        assert first.end() == 0
        assert keeper in first.processes()
    finally:
        os.kill(keeper, signal.SIGCONT)
    wait_until("the lease is gone", lambda: not host.leases, 3)


def test_a_run_that_has_lost_its_lease_is_ended(host: Host) -> None:
    first, _ = host.start_and_hold()
    asleep = first.processes()
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    second = host.start()
    wait_until("another run has the host", lambda: second.keeper() is not None, EXPIRY + 30)
    for pid in asleep:
        os.kill(pid, signal.SIGCONT)

    assert first.end() == -signal.SIGTERM
    assert "This run no longer holds localhost: " in first.output.splitlines()[-1]
    assert second.main.poll() is None
    host.stop.touch()
    second.end()
    assert_deployed(second)
