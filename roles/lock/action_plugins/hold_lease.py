"""Take the lease of a host, and keep it until this run of ansible-playbook ends, however it ends."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import secrets
import select
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

DOCUMENTATION = r"""
name: hold_lease
short_description: Hold a host until this run ends
description:
  - Runs the module M(lease), then leaves a process behind on the controller. Over the host's own connection
    that process touches the lease three times per O(expiry), and removes it as soon as ansible-playbook has
    ended.
  - Nothing of it runs on the host between two touches, so it needs nothing of the connection but that
    commands can be run. Killed clients and connections that outlive their run don't matter.
  - If that process dies as well, the lease expires.
  - A run that has lost its lease, as the controller slept for longer than O(expiry), is ended: another may
    be at the host.
options:
  dir:
    description: Folder of the lease on the host.
    type: path
    required: true
  expiry:
    description: Seconds after which an untouched lease is free.
    type: int
    required: true
"""

# Names this run: ansible-playbook loads this file before it forks a worker for each host.
RUN = secrets.token_hex(8)

# What the command that touches a lease ends with when there is none any more. Neither a shell nor ssh, sudo
# or docker ends with it when they fail.
LOST = 77


def started(pid: int) -> str:
    """Return when a process was started, in ps's words, or nothing if it has ended."""
    command = ["ps", "-o", "state=", "-o", "lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no outside input
    state, _, start = answer.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else start.strip()


class Process:
    """A process that may end at any time, and whose id may then become another's."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.descriptor: int | None = None
        self._start = ""
        try:
            self.descriptor = os.pidfd_open(pid)
        except (AttributeError, OSError):
            # No Linux, an old one, or ended already.
            self._start = started(pid)

    def ends_within(self, seconds: float) -> bool:
        """Wait until the process has ended, at most so long."""
        if self.descriptor is not None:
            poll = select.poll()
            poll.register(self.descriptor, select.POLLIN)
            return bool(poll.poll(seconds * 1000))
        time.sleep(seconds)
        return not self._start or started(self.pid) != self._start

    def end(self, why: str) -> None:
        """Have the process end, and say why in its own output if the system lets us."""
        if self.ends_within(0):
            return
        with suppress(OSError):
            # Without waiting for whoever reads it, and without making a terminal our own.
            flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY
            with os.fdopen(os.open(f"/proc/{self.pid}/fd/2", flags), "w") as output:
                output.write(f"{why}\n")
        with suppress(ProcessLookupError):
            if self.descriptor is not None:
                signal.pidfd_send_signal(self.descriptor, signal.SIGTERM)
            else:
                os.kill(self.pid, signal.SIGTERM)


def finish(work: Callable[[], int]) -> NoReturn:
    """Run a function and end this process with what it returns, or 255, without a way back into Ansible."""
    code = 255
    try:
        code = work()
    finally:
        os._exit(code)


def run_bounded(work: Callable[[], int], seconds: float) -> int | None:
    """Run a function in a process of its own, and end that with all it started if it takes too long.

    Returns:
        What the function returned, or nothing if it took too long.
    """
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        finish(work)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def let_go(keep: int | None) -> None:
    """Point every open file of this process but one to nowhere.

    Whoever waits for the end of ansible-playbook's output must not wait for this process. The numbers stay in
    use: closed ones would be given to other files, while Python still writes to what it believes them to be.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in [int(path.name) for path in Path("/dev/fd").iterdir()]:
        if number not in (keep, nowhere):
            os.dup2(nowhere, number, inheritable=number <= 2)


def leave_behind(work: Callable[[], int]) -> None:
    """Run a function in a process that has no terminal, and that no signal meant for this one reaches."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    # The second fork gives it to the system's first process, which removes it when it has ended.
    if os.fork():
        os._exit(0)
    finish(work)


def ansible_playbook() -> Process:
    """Return the process whose end is the end of this run.

    Raises:
        AnsibleActionFail: It has ended already, and its id may be another's.
    """
    parent = multiprocessing.parent_process()
    process = Process(parent.pid if parent and parent.pid else os.getppid())
    if process.pid != os.getppid():
        raise AnsibleActionFail("ansible-playbook has ended: run it again.")
    return process


def user() -> str:
    """Return who runs this, by number where the system knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Make the action known to Ansible."""

    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        playbook = ansible_playbook()
        result: dict[str, Any] = self._execute_module(
            module_name="lease",
            module_args=self._task.args
            | {
                "run": RUN,
                "host": (task_vars or {})["inventory_hostname"],
                "holder": f"{user()}@{socket.gethostname()}",
                "process": playbook.pid,
            },
            task_vars=task_vars,
        )
        if "path" in result:
            lost = (
                f"This run no longer holds {(task_vars or {})['inventory_hostname']}: it slept for too long, "
                "or the host was restarted. Run it again."
            )
            leave_behind(lambda: self._keep(result["path"], int(self._task.args["expiry"]), playbook, lost))
        return result

    def _keep(self, path: str, expiry: int, playbook: Process, lost: str) -> int:
        """Touch the lease until the run has ended, then remove it. End the run if the lease is lost."""
        let_go(playbook.descriptor)
        # A message would go to ansible-playbook's queue, and its reader may be dead.
        Display().set_queue(None)
        file = shlex.quote(path)
        touch = f"touch -c {file} && {{ test -e {file} || exit {LOST}; }}"
        while not playbook.ends_within(expiry / 3):
            # Any other failure may pass: the host may be out of reach for a moment.
            if run_bounded(lambda: self._remote(touch), expiry) == LOST:
                # Not SIGINT: Ansible would call that an interruption by its user.
                playbook.end(lost)
                return 0
        run_bounded(lambda: self._remote(f"rm -f {file}"), expiry)
        return 0

    def _remote(self, command: str) -> int:
        return int(self._low_level_execute_command(command)["rc"])
