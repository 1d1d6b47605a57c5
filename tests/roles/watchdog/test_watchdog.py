"""What the watchdog does about what it sees; that it frees a host is proven on hosts."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import watchdog
from watchdog import (
    LONGEST_PAUSE,
    PATIENCE,
    PAUSE,
    SILENCE,
    Container,
    Engine,
    EngineError,
    Watchdog,
    alone,
    parse,
    signal_named,
)

GOOD = Container(
    id="a1",
    name="django-api-1",
    pid=100,
    running=True,
    paused=False,
    restarting=False,
    has_run=True,
    health="healthy",
    checked="",
    is_to_run=True,
    stop_signal=signal.SIGTERM,
    grace=45,
)
HUNG = replace(GOOD, health="unhealthy")
DOWN = replace(GOOD, running=False, pid=0, health="unhealthy")


@dataclass
class FakeEngine:
    """Notes what it is asked to do."""

    now: list[Container]
    by_hand: bool = False
    refuses: str = ""
    unpauses: bool = True
    done: list[Any] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)

    def containers(self, _project: str) -> list[Container]:
        return self.now

    def was_stopped(self, _container: Container) -> bool:
        return self.by_hand

    def start(self, container: Container) -> None:
        self.done.append(("start", container.name))
        if self.refuses:
            raise EngineError(self.refuses)

    def resume_checks(self, container: Container) -> None:
        self.resumed.append(container.name)
        if not self.unpauses:
            raise EngineError("the engine does not answer")

    def unpause(self, container: Container) -> None:
        self.done.append(("unpause", container.name))
        if not self.unpauses:
            raise EngineError("the engine does not answer")

    def signal(self, container: Container, number: int) -> None:
        self.done.append((signal.Signals(number).name, container.pid))


NOTE = Path("note")


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the note of each test elsewhere."""
    monkeypatch.chdir(tmp_path)


def watch(engine: FakeEngine) -> Watchdog:
    return Watchdog(engine, "django", NOTE)  # type: ignore[arg-type] # plays the part


@pytest.mark.parametrize(
    "container",
    [
        pytest.param(GOOD, id="healthy"),
        pytest.param(replace(GOOD, health="starting"), id="starting"),
        pytest.param(replace(GOOD, health=""), id="without a health check"),
        pytest.param(replace(HUNG, paused=True), id="paused"),
        pytest.param(replace(DOWN, restarting=True), id="Docker is about to restart it"),
        pytest.param(replace(DOWN, has_run=False), id="never started"),
        pytest.param(replace(DOWN, is_to_run=False), id="not to be restarted"),
    ],
)
def test_what_is_none_of_its_business(container: Container) -> None:
    engine = FakeEngine([container])
    dog = watch(engine)
    for second in range(0, 200, 2):
        dog.look(second)

    assert engine.done == []


def test_a_hung_container_is_told_to_stop_and_then_killed(capsys: pytest.CaptureFixture[str]) -> None:
    engine = FakeEngine([HUNG])
    dog = watch(engine)
    for second in (0, 2, PATIENCE - 1):
        dog.look(second)
    assert engine.done == [("SIGTERM", 100)]

    dog.look(PATIENCE)
    assert engine.done == [("SIGTERM", 100), ("SIGKILL", 100)]
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["django-api-1"] * 2


def test_one_that_heeds_its_stop_signal_has_all_of_its_grace() -> None:
    database = replace(HUNG, stop_signal=signal.SIGINT, grace=120)
    engine = FakeEngine([database])
    dog = watch(engine)
    dog.look(0)
    engine.now = [replace(database, health="healthy")]
    for second in range(2, 120, 2):
        dog.look(second)
    assert engine.done == [("SIGINT", 100)]

    dog.look(120)
    assert engine.done[-1] == ("SIGKILL", 100)


def test_all_are_ended_side_by_side() -> None:
    engine = FakeEngine([HUNG, replace(HUNG, id="b2", pid=200)])
    watch(engine).look(0)

    assert engine.done == [("SIGTERM", 100), ("SIGTERM", 200)]


def test_it_waits_longer_from_try_to_try() -> None:
    engine = FakeEngine([HUNG])
    dog = watch(engine)
    tried = []
    for second in range(6000):
        # Docker has restarted it, as another process that hangs as well.
        engine.now = [replace(HUNG, pid=100 + len(engine.done))]
        before = len(engine.done)
        dog.look(second)
        tried += [second] * (len(engine.done) - before)

    pauses = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert pauses == [PAUSE * 2**number for number in range(6)] + [LONGEST_PAUSE, LONGEST_PAUSE]


def test_what_has_run_well_for_long_is_helped_at_once_again() -> None:
    engine = FakeEngine([HUNG])
    dog = watch(engine)
    for second, pid in ((0, 100), (PAUSE, 101), (3 * PAUSE, 102)):
        engine.now = [replace(HUNG, pid=pid)]
        dog.look(second)
    engine.now = [replace(GOOD, pid=103)]
    dog.look(3 * PAUSE + LONGEST_PAUSE + 1)
    engine.now = [replace(HUNG, pid=103)]
    for second in (2, 4):
        dog.look(3 * PAUSE + LONGEST_PAUSE + second)

    assert [pid for _, pid in engine.done] == [100, 101, 102, 103]
    assert dog.cases["a1"].tries == 1


def test_what_docker_left_stopped_is_started_at_the_second_look(capsys: pytest.CaptureFixture[str]) -> None:
    engine = FakeEngine([DOWN])
    dog = watch(engine)
    dog.look(0)
    assert engine.done == []
    dog.look(2)

    assert engine.done == [("start", "django-api-1")]
    assert capsys.readouterr().out == "django-api-1 was down: started it (try 1)\n"


def test_what_somebody_stopped_stays_stopped() -> None:
    engine = FakeEngine([DOWN], by_hand=True)
    dog = watch(engine)
    for second in range(0, 200, 2):
        dog.look(second)

    assert engine.done == []


def test_a_start_that_fails_is_said_in_one_line_and_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    engine = FakeEngine([DOWN], refuses="port is already\nallocated")
    dog = watch(engine)
    for second in (0, 2, 4, PAUSE + 1, PAUSE + 2):
        dog.look(second)

    assert capsys.readouterr().out.splitlines() == [
        f"django-api-1 is down and does not start (try {number}): port is already allocated"
        for number in (1, 2)
    ]


def test_checks_that_the_engine_has_given_up_are_resumed() -> None:
    engine = FakeEngine([GOOD])
    dog = watch(engine)
    for second in range(0, 200, 2):
        engine.now = [replace(GOOD, checked=str(second // 10))]
        dog.look(second)
    assert engine.resumed == []

    for second in range(200, 200 + 2 * int(SILENCE), 2):
        dog.look(second)
    assert engine.resumed == ["django-api-1"] * 2
    assert not NOTE.exists()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_pause_that_could_not_be_undone_is_undone_later(restarted: bool) -> None:
    engine = FakeEngine([GOOD], unpauses=False)
    dog = watch(engine)
    dog.look(0)
    with pytest.raises(EngineError):
        dog.look(SILENCE)
    engine.now = [replace(GOOD, paused=True), replace(GOOD, id="b2", name="paused by hand", paused=True)]
    if restarted:
        dog = watch(engine)
    paused, engine.now = engine.now, []
    dog.look(SILENCE + 1)  # The engine has ended while it was asked.
    engine.now = paused
    with pytest.raises(EngineError):
        dog.look(SILENCE + 2)
    engine.unpauses = True
    dog.look(SILENCE + 4)
    assert engine.done == [("unpause", "django-api-1")] * 2

    # From here on, whoever pauses it is somebody else.
    dog.look(SILENCE + 6)
    assert engine.done == [("unpause", "django-api-1")] * 2


def test_a_pause_that_did_not_come_about_is_forgotten() -> None:
    NOTE.write_text(GOOD.id)
    engine = FakeEngine([GOOD])
    dog = watch(engine)
    dog.look(0)
    engine.now = [replace(GOOD, paused=True)]
    dog.look(2)

    assert engine.done == []


@pytest.mark.parametrize(
    "container", [replace(GOOD, health=""), replace(GOOD, paused=True), replace(GOOD, running=False)]
)
def test_what_has_no_checks_has_none_to_resume(container: Container) -> None:
    engine = FakeEngine([container], by_hand=True)
    dog = watch(engine)
    for second in range(0, 200, 2):
        dog.look(second)

    assert engine.resumed == []


def test_a_container_that_is_gone_is_forgotten() -> None:
    engine = FakeEngine([HUNG])
    dog = watch(engine)
    dog.look(0)
    engine.now = []
    dog.look(2)

    assert dog.cases == {}


@pytest.mark.parametrize(
    ("name", "number"),
    [("", 15), ("SIGINT", 2), ("quit", 3), ("9", 9), ("SIGUNHEARDOF", 15)],
)
def test_names_of_signals(name: str, number: int) -> None:
    assert signal_named(name) == number


def test_a_rollout_is_left_alone(tmp_path: Path) -> None:
    lock = tmp_path / ".rollout"
    with alone(lock) as may:
        assert not may, "there has been no rollout"
    with lock.open("w") as file:
        with alone(lock) as may:
            assert may
        fcntl.flock(file, fcntl.LOCK_EX)
        with alone(lock) as may:
            assert not may


def description(pid: int) -> dict[str, Any]:
    return {
        "Id": "a1",
        "Name": "/django-db-1",
        "State": {
            "Running": True,
            "Paused": False,
            "Restarting": False,
            "Pid": pid,
            "StartedAt": "2026-01-01T00:00:00Z",
            "Health": {"Status": "unhealthy", "Log": [{"End": "first"}, {"End": "last"}]},
        },
        "Config": {"StopSignal": "SIGINT", "StopTimeout": 120},
        "HostConfig": {"RestartPolicy": {"Name": "unless-stopped"}},
    }


class EnoughError(Exception):
    """Ends what would go on for ever."""


@pytest.mark.parametrize("under_way", [False, True])
def test_it_does_not_look_while_a_rollout_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, under_way: bool
) -> None:
    looks = []

    def enough(_seconds: float) -> None:
        raise EnoughError

    monkeypatch.setattr(Watchdog, "look", lambda _watchdog, now: looks.append(now))
    monkeypatch.setattr("watchdog.time.sleep", enough)
    lock = tmp_path / "lock"
    monkeypatch.setattr(sys, "argv", ["watchdog", "django", str(lock), str(NOTE)])
    with lock.open("w") as held:
        if under_way:
            fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(EnoughError):
            watchdog.main()

    assert len(looks) == (not under_way)


def test_what_docker_says_is_understood() -> None:
    container = parse(description(100))

    assert container == replace(
        HUNG, name="django-db-1", checked="last", stop_signal=signal.SIGINT, grace=120
    )
    assert container.hangs
    silent = description(100)
    silent["Config"] = {}
    assert (parse(silent).stop_signal, parse(silent).grace) == (signal.SIGTERM, 10)


class Docker(socketserver.ThreadingUnixStreamServer):
    """An engine that knows one container."""

    daemon_threads = True
    pid = 0
    root = Path()


class Handler(BaseHTTPRequestHandler):
    server: Docker

    def address_string(self) -> str:
        return "socket"

    def log_message(self, *_args: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        answers: dict[str, Any] = {
            "/containers/json": [{"Id": "a1"}, {"Id": "gone"}],
            "/containers/a1/json": description(self.server.pid),
            "/info": {"DockerRootDir": str(self.server.root)},
        }
        text = json.dumps(answers.get(path, {"message": "No such container"})).encode()
        self.send_response(200 if path in answers else 404)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self) -> None:
        self.do_GET()


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[Docker]:
    with Docker(str(tmp_path / "socket"), Handler) as server:
        server.root = tmp_path
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_containers_that_go_meanwhile_are_left_out(docker: Docker, tmp_path: Path) -> None:
    assert [one.id for one in Engine(str(tmp_path / "socket")).containers("django")] == ["a1"]


def test_what_the_engine_refuses_is_an_error_in_its_words(docker: Docker, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"^No such container$"):
        Engine(str(tmp_path / "socket")).start(GOOD)


def test_an_engine_that_is_away_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="does not answer"):
        Engine(str(tmp_path / "socket")).containers("django")


def test_a_signal_reaches_the_process_that_was_seen_and_no_other(docker: Docker, tmp_path: Path) -> None:
    engine = Engine(str(tmp_path / "socket"))
    with subprocess.Popen(["sleep", "60"]) as process:
        docker.pid = os.getpid()
        engine.signal(replace(HUNG, pid=process.pid), signal.SIGKILL)
        # Docker says that the container has another process by now.
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)

        docker.pid = process.pid
        engine.signal(replace(HUNG, pid=process.pid), signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL
    engine.signal(replace(HUNG, pid=process.pid), signal.SIGKILL)


@pytest.mark.parametrize(
    ("noted", "stopped"),
    [
        ('{"HasBeenManuallyStopped": false}', False),
        ('{"HasBeenManuallyStopped": true}', True),
        ("{}", True),
        ("", True),
        (None, True),
    ],
)
def test_who_stopped_it_is_what_docker_noted(
    docker: Docker, tmp_path: Path, noted: str | None, stopped: bool
) -> None:
    if noted is not None:
        (tmp_path / "containers/a1").mkdir(parents=True)
        (tmp_path / "containers/a1/config.v2.json").write_text(noted)

    assert Engine(str(tmp_path / "socket")).was_stopped(DOWN) is stopped


def test_lines_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    watchdog.say("two\nlines")

    assert capsys.readouterr().out == "two lines\n"
