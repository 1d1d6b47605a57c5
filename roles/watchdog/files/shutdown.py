#!/usr/bin/python3
"""Ends containers in order when the machine shuts down.

With live-restore, containers outlive the engine. At a shutdown, systemd would send all of their processes
the same signal at once, and kill them soon after: requests in flight would be lost, and the database would
have to recover. This sends each container its own stop signal, one service after the other, and gives it
its own grace.

It runs when the engine has ended, as that would start again what ends. So it reads what the watchdog has
noted.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SYSTEMCTL = "/usr/bin/systemctl"


@dataclass(frozen=True)
class Process:
    """The first process of a container, as the watchdog has noted it."""

    container: str
    service: str
    pid: int
    began: str  # tells it from a later process with the same number
    stop_signal: int
    grace: float  # seconds


def began(pid: int) -> str:
    """Return when a process began, in ticks of the kernel; empty if it has ended."""
    try:
        # The second field is the name, which may have spaces and brackets of its own.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19]
    except OSError:
        return ""


def noted(file: Path) -> list[Process]:
    """Return what the watchdog has noted: nothing if it has never run."""
    with suppress(FileNotFoundError):
        return [Process(**one) for one in json.loads(file.read_text())]
    return []


def end(process: Process) -> None:
    """Send a process its stop signal; kill it if it has not ended within its grace."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process.pid)
        try:
            # Still its own, so the descriptor is not of a later process with the same number.
            if began(process.pid) != process.began:
                return
            signal.pidfd_send_signal(descriptor, process.stop_signal)
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if poll.poll(process.grace * 1000):
                say(f"{process.container} has ended")
            else:
                say(f"{process.container} has not ended in {process.grace:.0f} s: killing it")
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                poll.poll()
        finally:
            os.close(descriptor)


def is_shutting_down() -> bool:
    """Tell whether the machine is: the unit may also be stopped for itself."""
    asked = subprocess.run(  # noqa: S603 -- nothing of it comes from outside
        [SYSTEMCTL, "is-system-running"], stdout=subprocess.PIPE, text=True, check=False
    )
    return asked.stdout.strip() == "stopping"


def say(text: str) -> None:
    """Write one line to the journal."""
    print(text, flush=True)


def main() -> None:
    """End what was noted, service by service."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("note", type=Path, help="file in which the watchdog notes what runs")
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="services, the first to end first")
    arguments = parser.parse_args()
    if not is_shutting_down():
        say("the machine is not shutting down: leaving the containers alone")
        return
    processes = noted(arguments.note)
    for service in arguments.services:
        for process in processes:
            if process.service == service:
                end(process)


if __name__ == "__main__":
    main()
