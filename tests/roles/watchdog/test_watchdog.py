"""What the watchdog does about what it sees; that it frees a host is proven on hosts."""

from __future__ import annotations

import fcntl
import io
import itertools
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import shutdown
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
    is_stopped,
    parse,
    signal_named,
)

GOOD = Container(
    id="a1",
    name="django-api-1",
    service="api",
    pid=100,
    stopped=False,
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
STOPPED = replace(GOOD, stopped=True)
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


NOTE, RUNNING = Path("note"), Path("running")


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the notes of each test elsewhere."""
    monkeypatch.chdir(tmp_path)


def watch(engine: FakeEngine) -> Watchdog:
    return Watchdog(
        engine,  # type: ignore[arg-type] # plays the part
        "django",
        NOTE,
        RUNNING,
        frozenset(["db"]),
    )


@pytest.mark.parametrize(
    "container",
    [
        pytest.param(GOOD, id="healthy"),
        pytest.param(replace(GOOD, health="starting"), id="starting"),
        pytest.param(replace(GOOD, health=""), id="without a health check"),
        pytest.param(replace(HUNG, paused=True), id="paused"),
        pytest.param(replace(STOPPED, paused=True), id="paused and stopped"),
        pytest.param(replace(HUNG, service="db"), id="of a slow service"),
        pytest.param(replace(DOWN, restarting=True), id="Docker is about to restart it"),
        pytest.param(
            replace(STOPPED, running=False, restarting=True), id="stopped and about to be restarted"
        ),
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


def test_a_hung_container_is_told_to_stop_and_killed_after_its_grace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    engine = FakeEngine([HUNG])
    dog = watch(engine)
    for second in (0, 2, HUNG.grace - 1):
        dog.look(second)
    assert engine.done == [("SIGTERM", 100)]

    dog.look(HUNG.grace)
    assert engine.done == [("SIGTERM", 100), ("SIGKILL", 100)]
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "django-api-1 is unhealthy: sending SIGTERM for Docker to restart it (try 1)"
    assert said[-1] == "django-api-1 has not ended 45 s after its stop signal: killing it"


def test_one_that_gets_well_has_the_rest_of_its_grace() -> None:
    engine = FakeEngine([HUNG])
    dog = watch(engine)
    dog.look(0)
    engine.now = [GOOD]
    dog.look(HUNG.grace - 1)
    assert engine.done == [("SIGTERM", 100)]

    dog.look(HUNG.grace)
    assert engine.done[-1] == ("SIGKILL", 100)


@pytest.mark.parametrize("service", ["api", "db"])
def test_a_container_that_is_stopped_is_killed(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    engine = FakeEngine([replace(STOPPED, service=service)])
    dog = watch(engine)
    begun = 1000
    dog.look(begun)
    dog.look(begun + PATIENCE - 1)
    assert engine.done == []

    dog.look(begun + PATIENCE)
    dog.look(begun + PATIENCE + 2)
    assert engine.done == [("SIGKILL", 100)]
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"django-api-1 has been stopped for {PATIENCE:.0f} s: killing it for Docker to restart it (try 1)"
    )


def test_a_container_that_was_stopped_for_a_moment_goes_on() -> None:
    engine = FakeEngine([GOOD])
    dog = watch(engine)
    for second, container in (
        (0, STOPPED),
        (2, GOOD),
        (PATIENCE + 2, STOPPED),
        (PATIENCE + 4, replace(STOPPED, pid=101)),
        (2 * PATIENCE + 3, replace(STOPPED, pid=101)),
    ):
        engine.now = [container]
        dog.look(second)

    assert engine.done == []


def test_one_that_is_stopped_while_it_ends_is_killed_before_its_grace_is_over() -> None:
    engine = FakeEngine([HUNG])
    dog = watch(engine)
    dog.look(0)
    engine.now = [replace(HUNG, stopped=True)]
    for second in (2, PATIENCE + 1):
        dog.look(second)
    assert engine.done == [("SIGTERM", 100)]

    dog.look(PATIENCE + 2)
    assert engine.done == [("SIGTERM", 100), ("SIGKILL", 100)]
    assert HUNG.grace > PATIENCE + 2


def test_all_are_ended_side_by_side() -> None:
    engine = FakeEngine([HUNG, replace(HUNG, id="b2", pid=200)])
    watch(engine).look(0)

    assert engine.done == [("SIGTERM", 100), ("SIGTERM", 200)]


def test_it_waits_longer_from_try_to_try() -> None:
    engine = FakeEngine([HUNG])
    dog = watch(engine)
    tried = []
    for second in range(0, 6000, 10):
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


def test_what_has_run_well_for_a_moment_waits_for_its_next_try() -> None:
    engine = FakeEngine([HUNG])
    dog = watch(engine)
    # By then, the host itself has run for longer than the longest pause.
    begun = 2 * LONGEST_PAUSE
    dog.look(begun)
    engine.now = [replace(GOOD, pid=101)]
    dog.look(begun + 2)
    engine.now = [replace(HUNG, pid=101)]
    dog.look(begun + PAUSE - 1)
    assert engine.done == [("SIGTERM", 100)]

    dog.look(begun + PAUSE)
    assert engine.done == [("SIGTERM", 100), ("SIGTERM", 101)]


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


def test_checks_that_the_engine_has_given_up_are_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    engine = FakeEngine([GOOD])
    dog = watch(engine)
    for second in range(0, 200, 2):
        engine.now = [replace(GOOD, checked=str(second // 10))]
        dog.look(second)
    assert engine.resumed == []

    for second in range(200, 200 + 2 * int(SILENCE), 2):
        dog.look(second)
        assert not NOTE.exists()
    assert engine.resumed == ["django-api-1"] * 2
    assert capsys.readouterr().out.splitlines() == 2 * [
        f"django-api-1 has had no health check for {SILENCE:.0f} s: having the engine resume them"
    ]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_pause_that_could_not_be_undone_is_undone_later(
    restarted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine([GOOD], unpauses=False)
    dog = watch(engine)
    dog.look(0)
    with pytest.raises(EngineError):
        dog.look(SILENCE)
    engine.now = [replace(GOOD, id="b2", name="paused by hand", paused=True), replace(GOOD, paused=True)]
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
    assert capsys.readouterr().out.splitlines()[-1] == "django-api-1 was left paused: having it go on"

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


def test_it_notes_what_runs_for_the_shutdown() -> None:
    us = replace(GOOD, pid=os.getpid())
    engine = FakeEngine([us, replace(DOWN, id="b2")])
    dog = watch(engine)
    dog.look(0)
    [noted] = shutdown.noted(RUNNING)
    assert noted == shutdown.Process(
        "django-api-1", "api", os.getpid(), shutdown.began(os.getpid()), signal.SIGTERM, GOOD.grace
    )
    assert noted.began

    written = RUNNING.stat().st_ino
    dog.look(2)
    assert RUNNING.stat().st_ino == written

    engine.now = [replace(us, name="django-api-2")]
    dog.look(4)
    assert [one.container for one in shutdown.noted(RUNNING)] == ["django-api-2"]


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
        "Config": {
            "StopSignal": "SIGINT",
            "StopTimeout": 120,
            "Labels": {"com.docker.compose.service": "db"},
        },
        "HostConfig": {"RestartPolicy": {"Name": "unless-stopped"}},
    }


class EnoughError(Exception):
    """Ends what would go on for ever."""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let watchdog.main run as its unit starts it; return its lock."""
    lock = tmp_path / "lock"
    lock.touch()
    monkeypatch.setattr(
        sys,
        "argv",
        ["watchdog", "django", str(lock), str(NOTE), str(RUNNING), "--slow", "db", "--slow", "mq"],
    )
    return lock


@pytest.mark.parametrize("under_way", [False, True])
def test_it_does_not_look_while_a_rollout_is_under_way(
    program: Path, monkeypatch: pytest.MonkeyPatch, under_way: bool
) -> None:
    looks, pauses = [], []

    def enough(seconds: float) -> None:
        pauses.append(seconds)
        raise EnoughError

    monkeypatch.setattr(
        Watchdog, "look", lambda watchdog, _now: looks.append((watchdog.project, watchdog.slow))
    )
    monkeypatch.setattr("watchdog.time.sleep", enough)
    with program.open("w") as held:
        if under_way:
            fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(EnoughError):
            watchdog.main()

    assert looks == ([] if under_way else [("django", {"db", "mq"})])
    assert pauses == [watchdog.PERIOD]


def test_it_says_once_that_the_engine_is_away_and_once_that_it_is_back(
    program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away, starting = EngineError("no engine"), EngineError("an engine\nthat starts")
    looks = iter([None, None, away, away, starting, None, None, EnoughError()])

    def look(_watchdog: Watchdog, _now: float) -> None:
        if error := next(looks):
            raise error

    monkeypatch.setattr(Watchdog, "look", look)
    monkeypatch.setattr("watchdog.time.sleep", lambda _seconds: None)
    with pytest.raises(EnoughError):
        watchdog.main()

    assert capsys.readouterr().out.splitlines() == [
        "no engine",
        "an engine that starts",
        "the engine answers again",
    ]


def test_it_is_a_program() -> None:
    command = [sys.executable, watchdog.__file__, "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "usage: watchdog.py [-h] [--slow SERVICE] project lock note" in told


def test_what_docker_says_is_understood() -> None:
    container = parse(description(100))

    assert container == replace(
        HUNG, name="django-db-1", service="db", checked="last", stop_signal=signal.SIGINT, grace=120
    )
    assert container.is_unhealthy


@pytest.mark.parametrize(
    ("part", "said", "understood"),
    [
        pytest.param(
            "Config",
            {"StopSignal": "", "StopTimeout": None},
            {"stop_signal": signal.SIGTERM, "grace": 10.0},
            id="nothing of a stop",
        ),
        pytest.param("Config", {"StopTimeout": 0}, {"grace": 0}, id="no grace"),
        # Docker calls it running as well then.
        pytest.param("State", {"Restarting": True}, {"running": False, "restarting": True}, id="restarting"),
        pytest.param("State", {"Running": False, "Pid": 0}, {"running": False, "pid": 0}, id="ended"),
        pytest.param("State", {"Paused": True}, {"paused": True}, id="paused"),
        pytest.param("State", {"StartedAt": "0001-01-01T00:00:00Z"}, {"has_run": False}, id="never started"),
        pytest.param("State", {"Health": None}, {"health": "", "checked": ""}, id="no health check"),
        pytest.param(
            "State", {"Health": {"Status": "starting"}}, {"health": "starting", "checked": ""}, id="no log"
        ),
        pytest.param(
            "State",
            {"Health": {"Status": "healthy", "Log": [{"End": end} for end in "123"]}},
            {"health": "healthy", "checked": "3"},
            id="several checks",
        ),
        pytest.param("HostConfig", {"RestartPolicy": {"Name": "always"}}, {"is_to_run": True}, id="always"),
        pytest.param("HostConfig", {"RestartPolicy": {"Name": "no"}}, {"is_to_run": False}, id="not again"),
    ],
)
def test_what_docker_may_say(part: str, said: dict[str, Any], understood: dict[str, Any]) -> None:
    found = description(100)
    found[part] |= said

    container = parse(found)

    assert {name: getattr(container, name) for name in understood} == understood


def test_a_process_that_was_stopped_is_told_from_one_that_runs_and_one_that_has_ended() -> None:
    # Named as another state's letter in brackets would look.
    with subprocess.Popen(
        ["bash", "-c", "printf ') T' > /proc/self/comm; echo; read -r"], stdin=-1, stdout=-1
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"\n"
        while ") S " not in Path(f"/proc/{process.pid}/stat").read_text():
            time.sleep(0.01)
        assert not is_stopped(process.pid)

        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        assert is_stopped(process.pid)
        assert parse(description(process.pid)).is_stopped

        process.kill()
    assert not is_stopped(process.pid)
    assert not parse(description(process.pid)).is_stopped


class Docker(socketserver.ThreadingUnixStreamServer):
    """An engine that knows one container."""

    daemon_threads = True
    pid = 0
    root = Path()
    # What it is asked to do is answered with this.
    status = 204
    text = b""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: list[str] = []


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
        self.server.asked.append(self.path.partition("?")[0])
        self.send_response(self.server.status)
        if self.server.text:
            self.send_header("Content-Length", str(len(self.server.text)))
        self.end_headers()
        self.wfile.write(self.server.text)


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


def test_a_container_is_started_and_let_go_on(docker: Docker, tmp_path: Path) -> None:
    engine = Engine(str(tmp_path / "socket"))
    engine.start(DOWN)
    engine.unpause(DOWN)

    assert docker.asked == ["/containers/a1/start", "/containers/a1/unpause"]


@pytest.mark.parametrize("status", [204, 304, 399])
def test_what_the_engine_has_done_or_need_not_do_is_no_error(
    docker: Docker, tmp_path: Path, status: int
) -> None:
    docker.status = status

    assert Engine(str(tmp_path / "socket")).call("POST", "/containers/a1/start") is None


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [(400, b'{"message": "bad parameter"}', "bad parameter"), (404, b"{}", "404"), (500, b"null", "500")],
)
def test_what_the_engine_refuses_is_an_error_in_its_words(
    docker: Docker, tmp_path: Path, status: int, text: bytes, said: str
) -> None:
    docker.status, docker.text = status, text

    with pytest.raises(EngineError, match=f"^{said}$"):
        Engine(str(tmp_path / "socket")).start(GOOD)


def test_an_engine_that_is_away_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="does not answer"):
        Engine(str(tmp_path / "socket")).containers("django")


def test_an_engine_that_hangs_is_an_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "socket"))
        silent.listen()
        with pytest.raises(EngineError, match="does not answer: timed out"):
            Engine(str(tmp_path / "socket"), patience=0.01).containers("django")


@pytest.mark.parametrize("fails", ["", "pause", "unpause"])
def test_between_pause_and_unpause_it_can_not_be_terminated(
    monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    calls = []

    def terminable() -> bool:
        return signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, set())

    def call(_engine: Engine, _method: str, path: str) -> None:
        calls.append((path, terminable()))
        if path.endswith(f"/{fails}"):
            raise EngineError(fails)

    monkeypatch.setattr(Engine, "call", call)
    with pytest.raises(EngineError) if fails else nullcontext():
        Engine().resume_checks(GOOD)

    assert calls[:1] == [("/containers/a1/pause", False)]
    assert calls[1:] == ([] if fails == "pause" else [("/containers/a1/unpause", False)])
    assert terminable()


def watched_processes() -> int:
    """Return how many descriptors of processes are open."""
    links = []
    for path in Path("/dev/fd").iterdir():
        with suppress(FileNotFoundError):
            links.append(str(path.readlink()))
    return links.count("anon_inode:[pidfd]")


def test_a_signal_reaches_the_process_that_was_seen_and_no_other(docker: Docker, tmp_path: Path) -> None:
    # Other tests may have left some.
    before = watched_processes()
    engine = Engine(str(tmp_path / "socket"))
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            docker.pid = os.getpid()
            engine.signal(replace(HUNG, pid=process.pid), signal.SIGTERM)
            # Docker says that the container has another process by now.
            docker.pid = process.pid
            engine.signal(replace(HUNG, pid=process.pid), signal.SIGUSR1)
            assert process.wait(10) == -signal.SIGUSR1
        finally:
            process.kill()
    engine.signal(replace(HUNG, pid=process.pid), signal.SIGKILL)
    assert watched_processes() == before


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


def test_a_line_is_in_the_journal_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(journal)))
    watchdog.say("a line")

    assert journal.getvalue() == b"a line\n"
