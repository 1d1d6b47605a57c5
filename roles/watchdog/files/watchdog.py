#!/usr/bin/python3
"""Ends containers that hang, and starts ones that Docker left stopped.

Docker's restart policy covers a process that ends. It doesn't cover one that hangs, nor a start that fails.
A container that its health check calls unhealthy is sent its stop signal, and killed if that has no effect
within its grace. One whose first process was stopped, by a debugger for example, can't heed any signal and is
killed. Both are done to the process, not through Docker, for which the container then ended by itself and is
restarted by the policy. (What is stopped through Docker counts as stopped by a person; were it to be started
again by whoever stopped it, a power cut in between would leave it stopped.)

A service can be named whose health check may fail because it is slow: a database whose disk is busy would be
ended in the middle of its work. Of such a service, only a stopped process counts.

What runs is noted in a file, for the program that ends the containers when the machine shuts down: the
engine, which would know, is gone by then.
"""

from __future__ import annotations

import argparse
import fcntl
import http.client
import json
import os
import signal
import socket
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Seconds between two looks.
PERIOD = 2.0
# Seconds after which the first process of a container counts as stopped for good.
PATIENCE = 20.0
# Seconds until the next try, after the first one; twice as long after each further one.
PAUSE = 30.0
LONGEST_PAUSE = 1800.0
# What Docker gives a container that says nothing of its own.
DEFAULT_GRACE = 10.0
# Seconds without a health check after which the engine has given up checking: longer than the interval and
# the timeout of one together.
SILENCE = 30.0
NEVER = "0001-01-01T00:00:00Z"


class EngineError(Exception):
    """The engine doesn't answer, or refuses."""


@dataclass(frozen=True)
class Container:
    """A container of the project, as Docker describes it."""

    id: str
    name: str
    service: str
    pid: int
    stopped: bool  # whether its first process was stopped by a signal, and not gone on with
    running: bool
    paused: bool
    restarting: bool
    has_run: bool
    health: str  # "" without a health check
    checked: str  # when the last check ended
    is_to_run: bool  # by its restart policy
    stop_signal: signal.Signals
    grace: float

    @property
    def is_unhealthy(self) -> bool:
        """Tell whether its health check has failed for some time."""
        return self.running and not self.paused and self.health == "unhealthy"

    @property
    def is_stopped(self) -> bool:
        """Tell whether it can neither do anything nor heed a signal."""
        return self.running and not self.paused and self.stopped

    @property
    def is_checked(self) -> bool:
        """Tell whether the engine is to check its health."""
        return self.running and not self.paused and bool(self.health)

    @property
    def is_down(self) -> bool:
        """Tell whether it ended, or was not started, and nobody is about to change that.

        One that has never run is part of a deploy that didn't get to it.
        """
        return not self.running and not self.restarting and self.has_run and self.is_to_run


def signal_named(name: str) -> signal.Signals:
    """Return a signal by its name in Docker's words, SIGINT, INT or 2; SIGTERM if none has that name."""
    known = {one.name.removeprefix("SIG"): one for one in signal.Signals}
    known |= {str(one.value): one for one in signal.Signals}
    return known.get(name.upper().removeprefix("SIG"), signal.SIGTERM)


def is_stopped(pid: int) -> bool:
    """Tell whether a process was stopped by a signal; one that has ended is not."""
    try:
        # The second field is the name, which may have spaces and brackets of its own.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return False
    return state == "T"


def began(pid: int) -> str:
    """Return when a process began, in ticks of the kernel; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19]
    except OSError:
        return ""


def parse(found: dict[str, Any]) -> Container:
    """Make a Container of what Docker's API says of one."""
    state, config = found["State"], found["Config"]
    health = state.get("Health") or {}
    grace = config.get("StopTimeout")
    return Container(
        id=found["Id"],
        name=found["Name"].lstrip("/"),
        service=config["Labels"]["com.docker.compose.service"],
        pid=state["Pid"],
        stopped=is_stopped(state["Pid"]),
        running=state["Running"] and not state["Restarting"],
        paused=state["Paused"],
        restarting=state["Restarting"],
        has_run=state["StartedAt"] != NEVER,
        health=health.get("Status", ""),
        checked=(health.get("Log") or [{"End": ""}])[-1]["End"],
        is_to_run=found["HostConfig"]["RestartPolicy"]["Name"] in ("always", "unless-stopped"),
        stop_signal=signal_named(config.get("StopSignal") or ""),
        grace=DEFAULT_GRACE if grace is None else float(grace),
    )


class Engine:
    """Docker's API, on its local socket."""

    def __init__(self, address: str = "/run/docker.sock", patience: float = 30) -> None:
        self.address = address
        self.patience = patience  # seconds that an answer may take

    def call(self, method: str, path: str, **query: str) -> Any:
        """Return the engine's answer.

        Raises:
            EngineError: It gives none, or an error.
        """
        connection = http.client.HTTPConnection("localhost")
        try:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(self.patience)
            connection.sock.connect(self.address)
            connection.request(method, f"{path}?{urllib.parse.urlencode(query)}")
            answer = connection.getresponse()
            text = answer.read()
            said = json.loads(text) if text else None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EngineError(f"the engine does not answer: {error}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise EngineError(str((said or {}).get("message", answer.status)))
        return said

    def containers(self, project: str) -> list[Container]:
        labels = [f"com.docker.compose.project={project}", "com.docker.compose.oneoff=False"]
        listed = self.call("GET", "/containers/json", all="1", filters=json.dumps({"label": labels}))
        found = []
        for one in listed:
            # It may have been removed meanwhile.
            with suppress(EngineError):
                found.append(parse(self.call("GET", f"/containers/{one['Id']}/json")))
        return found

    def was_stopped(self, container: Container) -> bool:
        """Tell whether somebody stopped a container, which Docker notes in its own files alone."""
        root = Path(self.call("GET", "/info")["DockerRootDir"])
        try:
            noted = json.loads((root / "containers" / container.id / "config.v2.json").read_text())
        except (OSError, ValueError):
            return True
        return bool(noted.get("HasBeenManuallyStopped", True))

    def start(self, container: Container) -> None:
        self.call("POST", f"/containers/{container.id}/start")

    def resume_checks(self, container: Container) -> None:
        """Pause a container for a moment, as its health is checked again from then on."""
        # Ended in between, this would leave it paused.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            self.call("POST", f"/containers/{container.id}/pause")
            self.unpause(container)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def unpause(self, container: Container) -> None:
        self.call("POST", f"/containers/{container.id}/unpause")

    def signal(self, container: Container, number: int) -> None:
        """Send a signal to a container's first process, unless that has ended."""
        with suppress(ProcessLookupError, EngineError):
            descriptor = os.pidfd_open(container.pid)
            try:
                # Still its own, so the descriptor is not of a later process with the same number.
                if parse(self.call("GET", f"/containers/{container.id}/json")).pid == container.pid:
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)


@dataclass
class Case:
    """What was done about a container."""

    tries: int = 0
    last_try: float = 0.0
    ending: int = 0  # the process that was sent its stop signal
    seen_down: bool = False
    stopped: int = 0  # the process that is stopped
    seen_stopped: float = 0.0  # when that was seen first
    checked: str | None = None  # when the last health check ended, in the engine's words
    seen_checked: float = 0.0  # when that was seen first

    def is_due(self, now: float) -> bool:
        if not self.tries:
            return True
        pause: float = min(PAUSE * 2 ** (self.tries - 1), LONGEST_PAUSE)
        return now - self.last_try >= pause

    def note_try(self, now: float) -> None:
        self.tries += 1
        self.last_try = now


@dataclass
class Watchdog:
    """What is known from one look to the next."""

    engine: Engine
    project: str
    note: Path  # has the id of a container for as long as we have it paused
    running: Path  # has the first process of each container that runs
    slow: frozenset[str] = frozenset()  # services whose health check may fail because they are slow
    cases: dict[str, Case] = field(default_factory=dict)
    noted: str = ""  # what was last noted of what runs

    def look(self, now: float) -> None:
        """Look at all containers once, and do what is due.

        Raises:
            EngineError: The engine does not answer.
        """
        present = self.engine.containers(self.project)
        self.cases = {one.id: self.cases.get(one.id, Case()) for one in present}
        self.undo_pause(present)
        self.note_running(present)
        for container in present:
            case = self.cases[container.id]
            if container.is_checked:
                self.heed_silence(container, case, now)
            stopped = self.is_stopped_for_good(container, case, now)
            if container.pid == case.ending and container.running:
                self.press(container, case, now, stopped=stopped)
            elif stopped:
                self.kill(container, case, now)
            elif container.is_unhealthy and container.service not in self.slow:
                self.end(container, case, now)
            elif container.is_down:
                self.start(container, case, now)
            elif container.running and now - case.last_try > LONGEST_PAUSE:
                case.tries = 0
            case.seen_down = container.is_down

    def undo_pause(self, present: list[Container]) -> None:
        """Resume what an earlier look has left paused: the engine went away, or this program was killed."""
        with suppress(FileNotFoundError):
            noted = self.note.read_text()
            for container in present:
                if container.id != noted:
                    continue
                if container.paused:
                    say(f"{container.name} was left paused: having it go on")
                    self.engine.unpause(container)
                self.note.unlink()

    def note_running(self, present: list[Container]) -> None:
        """Note what has to be ended before the machine is turned off."""
        text = json.dumps(
            [
                {
                    "container": one.name,
                    "service": one.service,
                    "pid": one.pid,
                    "began": began(one.pid),
                    "stop_signal": int(one.stop_signal),
                    "grace": one.grace,
                }
                for one in present
                if one.running
            ]
        )
        if text != self.noted:
            new = self.running.with_suffix(".new")
            new.write_text(text)
            new.replace(self.running)
            self.noted = text

    def heed_silence(self, container: Container, case: Case, now: float) -> None:
        """Have the engine check a container's health if it does not.

        Engine 20.10 forgets to for containers that ran on while it was restarted (live-restore).
        """
        if container.checked != case.checked:
            case.checked, case.seen_checked = container.checked, now
        elif now - case.seen_checked >= SILENCE:
            case.seen_checked = now
            say(
                f"{container.name} has had no health check for {SILENCE:.0f} s: having the engine resume them"
            )
            self.note.write_text(container.id)
            self.engine.resume_checks(container)
            self.note.unlink()

    def is_stopped_for_good(self, container: Container, case: Case, now: float) -> bool:
        """Tell whether a container's first process has been stopped for some time."""
        pid = container.pid if container.is_stopped else 0
        if pid != case.stopped:
            case.stopped, case.seen_stopped = pid, now
        return bool(pid) and now - case.seen_stopped >= PATIENCE

    def kill(self, container: Container, case: Case, now: float) -> None:
        """Kill a container that can't heed its stop signal."""
        if not case.is_due(now):
            return
        case.note_try(now)
        waited = now - case.seen_stopped
        say(
            f"{container.name} has been stopped for {waited:.0f} s: killing it for Docker to restart it"
            f" (try {case.tries})"
        )
        self.engine.signal(container, signal.SIGKILL)

    def end(self, container: Container, case: Case, now: float) -> None:
        """Send a container that is unhealthy its stop signal."""
        if not case.is_due(now):
            return
        case.note_try(now)
        case.ending = container.pid
        name = container.stop_signal.name
        say(f"{container.name} is unhealthy: sending {name} for Docker to restart it (try {case.tries})")
        self.engine.signal(container, container.stop_signal)

    def press(self, container: Container, case: Case, now: float, *, stopped: bool) -> None:
        """Kill a container that has not ended within its grace, or that can't end any more."""
        waited = now - case.last_try
        if waited < container.grace and not stopped:
            return
        say(f"{container.name} has not ended {waited:.0f} s after its stop signal: killing it")
        self.engine.signal(container, signal.SIGKILL)

    def start(self, container: Container, case: Case, now: float) -> None:
        """Start a container that was down at the last look as well, unless somebody stopped it."""
        if not case.seen_down or not case.is_due(now) or self.engine.was_stopped(container):
            return
        case.note_try(now)
        try:
            self.engine.start(container)
        except EngineError as error:
            say(f"{container.name} is down and does not start (try {case.tries}): {error}")
        else:
            say(f"{container.name} was down: started it (try {case.tries})")


def say(text: str) -> None:
    """Write one line to the journal."""
    print(" ".join(text.split()), flush=True)


@contextmanager
def alone(lock: Path) -> Iterator[bool]:
    """Keep rollouts from beginning; tell whether there is none now, nor a host without any so far."""
    try:
        file = lock.open()
    except FileNotFoundError:
        yield False
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def main() -> None:
    """Look again and again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", help="name of the Compose project")
    parser.add_argument("lock", type=Path, help="file that is locked while a rollout is under way")
    parser.add_argument("note", type=Path, help="file that notes which container is paused for a moment")
    parser.add_argument("running", type=Path, help="file that notes what runs")
    parser.add_argument(
        "--slow",
        action="append",
        default=[],
        metavar="SERVICE",
        help="a service whose health check may fail because it is slow",
    )
    arguments = parser.parse_args()
    watchdog = Watchdog(
        Engine(), arguments.project, arguments.note, arguments.running, frozenset(arguments.slow)
    )
    trouble = ""
    while True:
        with alone(arguments.lock) as may:
            try:
                if may:
                    watchdog.look(time.monotonic())
                said = ""
            except EngineError as error:
                said = str(error)
        if said != trouble:
            say(said or "the engine answers again")
        trouble = said
        time.sleep(PERIOD)


if __name__ == "__main__":
    main()
