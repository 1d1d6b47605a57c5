"""gunicorn with our configuration file, started as run.sh starts it but for the port."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.programs import APP

Start = Callable[..., tuple[subprocess.Popen[bytes], int]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started = []

    def start_gunicorn(*options: str) -> tuple[subprocess.Popen[bytes], int]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                "--bind",
                f"127.0.0.1:{port}",
                "--workers",
                "1",
                *options,
                "config.wsgi",
            ],
            cwd=APP,
            env=os.environ | {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
            stderr=subprocess.PIPE,
        )
        started.append(process)
        for _ in range(100):
            try:
                if get(port, "/health/live") == 200:
                    return process, port
            except OSError:
                time.sleep(0.1)
        raise AssertionError("gunicorn does not answer")

    yield start_gunicorn
    for process in started:
        process.kill()
        process.communicate()


def get(port: int, path: str, headers: dict[str, str] | None = None) -> int:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as client:
        client.request("GET", path, headers=headers or {})
        return client.getresponse().status


def seconds_to_stop(process: subprocess.Popen[bytes]) -> float:
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    return time.monotonic() - begin


def test_idle_server_stops_at_once(start: Start) -> None:
    process, _ = start()

    # Half a second is usual; the rest is for a machine that is busy testing.
    assert seconds_to_stop(process) < 2
    assert process.returncode == 0


def test_kept_alive_connection_does_not_hold_up_a_stop(start: Start) -> None:
    process, port = start()
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as client:
        client.request("GET", "/health/live")
        client.getresponse().read()

        # gunicorn leaves it open for two seconds, for a request that may be on its way.
        assert seconds_to_stop(process) < 5
    assert process.returncode == 0


def test_no_peer_rewrites_the_path(start: Start) -> None:
    prefix = {"SCRIPT_NAME": "/elsewhere"}
    _, ours = start()
    _, trusting = start("--forwarded-allow-ips", "*")

    assert get(ours, "/elsewhere/health/live", prefix) == 404
    assert get(trusting, "/elsewhere/health/live", prefix) == 200


def test_what_nginx_lets_through(start: Start) -> None:
    _, port = start()
    line = 8190 - len("GET /health/live? HTTP/1.1")

    assert get(port, f"/health/live?{'x' * line}") == 200
    assert get(port, f"/health/live?{'x' * (line + 1)}") == 414
    assert get(port, "/health/live", {f"X-{number}": "" for number in range(3500)}) == 200


def test_no_control_socket(start: Start, tmp_path: Path) -> None:
    start()

    assert list(tmp_path.iterdir()) == []


def test_all_it_says_is_json(start: Start) -> None:
    process, _ = start()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)

    lines = [json.loads(line) for line in said.splitlines()]
    assert {line["logger"] for line in lines} == {"gunicorn.error"}
    messages = [line["message"] for line in lines]
    assert any(message.startswith("Starting gunicorn") for message in messages)
    assert any(message.startswith("Shutting down") for message in messages)


READY = """
import gc, runpy, sys
from config.wsgi import application
settings = runpy.run_path("gunicorn.conf.py")
print("config.urls" in sys.modules, gc.get_freeze_count() > 0)
settings["when_ready"](None)
from django.db import connection
from api.docs import description_as_json
print("config.urls" in sys.modules, gc.get_freeze_count() > 0, connection.connection)
print(description_as_json.cache_info().misses)
"""


def test_workers_share_what_is_loaded_before_they_start() -> None:
    """All of it, and no connection to the database, which must be each worker's own."""
    result = subprocess.run(
        [sys.executable, "-c", READY], cwd=APP, capture_output=True, text=True, check=False, timeout=60
    )

    assert result.stdout.splitlines() == ["False False", "True True None", "1"], result.stderr


def test_the_hook_is_called_before_the_first_worker(start: Start, tmp_path: Path) -> None:
    ours = (APP / "gunicorn.conf.py").read_text()
    configuration = tmp_path / "gunicorn.conf.py"
    configuration.write_text(
        f"{ours}\n\ndef post_fork(server, worker):\n"
        f"    with open('{tmp_path}/frozen', 'a') as file:\n"
        "        file.write(f'{gc.get_freeze_count() > 0}\\n')\n"
    )

    start("--workers", "2", "--config", str(configuration))

    assert set((tmp_path / "frozen").read_text().split()) == {"True"}
