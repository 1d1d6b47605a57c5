"""Runs the project's playbooks as a user does."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


def program(name: str) -> str:
    """Return a program of Ansible's, from where these tests have theirs."""
    return str(Path(sys.executable).with_name(name))


def extra(**variables: object) -> str:
    """Return the argument of a run that sets variables."""
    return f"--extra-vars={json.dumps(variables)}"


@dataclass(frozen=True)
class Run:
    """One run of a playbook: how it ended, what it printed and how long it took."""

    status: int
    output: str
    seconds: float

    @property
    def one_line(self) -> str:
        """What it printed, without its line breaks: Ansible wraps messages."""
        return re.sub(r"\s+", " ", self.output)

    def recap(self, name: str) -> dict[str, int]:
        line = re.search(rf"^{name}\s+:(.*)$", self.output, re.MULTILINE)
        assert line, f"no line for {name} in the recap:\n{self.output}"
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line[1])}


class Playbooks:
    """The project's playbooks on inventories, of which the later ones win."""

    def __init__(self, *inventories: Path) -> None:
        self._inventories = [f"--inventory={path}" for path in inventories]

    def command(self, playbook: str, *args: str, **environment: str) -> dict[str, Any]:
        """Return what starts a playbook, as arguments for subprocess."""
        ours = {"ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
        return {
            "args": [program("ansible-playbook"), playbook, *self._inventories, *args],
            "cwd": REPOSITORY,
            "env": os.environ | ours | environment,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
        }

    def play(self, playbook: str, *args: str) -> Run:
        """Run a playbook to its end, good or bad."""
        start = time.monotonic()
        result = subprocess.run(**self.command(playbook, *args), check=False)
        return Run(result.returncode, result.stdout, time.monotonic() - start)

    def deploy(self, *args: str) -> Run:
        """Run site.yml, which must succeed."""
        run = self.play("site.yml", *args)
        assert run.status == 0, run.output
        return run

    def ship(self, *args: str) -> Run:
        """Ship the app's code alone, on a host that was deployed to before; it must succeed."""
        return self.deploy("--tags=release", *args)

    def start(self, *args: str, playbook: str = "site.yml") -> subprocess.Popen[str]:
        """Start a playbook, to be watched or killed."""
        # Else Ansible names a task only after it has run, as it might have been skipped.
        return subprocess.Popen(**self.command(playbook, *args, ANSIBLE_DISPLAY_SKIPPED_HOSTS="1"))

    def killed_at(self, task: str | int, *args: str) -> str:
        """Run site.yml and kill it, with all its processes, as it begins a task; return that task's name.

        Args:
            task: Part of the task's name, or how many tasks come before it.
            args: Further arguments of the run.
        """
        seen: list[str] = []
        with self.start(*args) as process:
            for line in tasks(process, seen):
                if (task in line) if isinstance(task, str) else (task == 0):
                    kill(process)
                    return line
                if isinstance(task, int):
                    task -= 1
        raise AssertionError(f"the run never came to the task {task}:\n" + "".join(seen))


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a run with all its processes; Ansible's workers have sessions of their own."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # "4711 (any name) S 4700 ...": the parent's number comes after the name and the state.
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    family = [process.pid]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def tasks(process: subprocess.Popen[str], seen: list[str]) -> Iterator[str]:
    """Yield the name of each task as it begins, and note everything that the run prints."""
    assert process.stdout
    for line in process.stdout:
        seen.append(line)
        if line.startswith("TASK ["):
            yield line[len("TASK [") : line.rindex("]")]
