"""What a release answers, and how long nothing did."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.stack.containers import containers
from ansible.module_utils.stack.errors import RolloutError
from ansible.module_utils.stack.probe import Answer, Health, NotReadyError, Probe, get, until
from ansible.module_utils.stack.settings import Settings
from stand_in import BLUE, Clock, Host, settings


class Pages(BaseHTTPRequestHandler):
    """Says who was asked for what, in more words than anybody wants to read."""

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/nothing" else 200)
        if self.path == "/slot":
            self.send_header("X-Slot", "green")
        self.end_headers()
        said = f"{self.headers['Host']} {self.headers['Connection']} {self.path} \u00e9"
        # Who gives up has hung up.
        with suppress(ConnectionError):
            self.wfile.write(said.encode("latin-1").ljust(1000, b"."))

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_page_is_asked_by_the_name_and_over_a_connection_of_its_own(port: int) -> None:
    answer = get("127.0.0.1", port, "/slot", "films.example.org")

    assert (answer.status, answer.slot) == (200, "green")
    assert answer.text.startswith("films.example.org close /slot \ufffd...")
    assert len(answer.text) == 300
    assert get("127.0.0.1", port, "/nothing", "x") == Answer(
        404, "", "x close /nothing \ufffd".ljust(300, ".")
    )


def test_a_connection_is_given_up_in_time_and_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[float | None] = []

    class Connection(http.client.HTTPConnection):
        def close(self) -> None:
            closed.append(self.timeout)
            super().close()

        def getresponse(self) -> http.client.HTTPResponse:
            raise http.client.BadStatusLine("nonsense")

    monkeypatch.setattr("http.client.HTTPConnection", Connection)
    with pytest.raises(http.client.BadStatusLine):
        get("127.0.0.1", port, "/", "x")
    assert closed == [5]


def test_nobody_there(port: int) -> None:
    with pytest.raises(OSError, match="refused"):
        get("127.0.0.1", 1, "/", "x")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_what_is_well_is_not_waited_for(clock: Clock) -> None:
    began = clock.now
    assert until(10, 1, lambda: "") == ""
    assert clock.now == began


def test_what_gets_well_is_waited_for(clock: Clock) -> None:
    began = clock.now
    assert until(10, 1, lambda: "wrong" if clock.now < began + 4 else "") == ""
    assert clock.now == began + 4


def test_what_does_not_get_well_is_told_after_the_time(clock: Clock) -> None:
    began = clock.now
    looks: list[float] = []

    def look() -> str:
        looks.append(clock.now - began)
        return f"wrong at {looks[-1]:.0f}"

    assert until(3, 1, look) == "wrong at 3"
    assert looks == [0, 1, 2, 3]
    assert until(0, 1, look) == "wrong at 3"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path, monkeypatch)
    host.deploy()
    return host


def health(**changes: Any) -> Health:
    return Health(Settings.read(settings(**changes)), 75)


def test_a_container_that_is_ready(host: Host) -> None:
    [api] = [one for one in containers("django") if one.service == "api"]
    health().wait_ready(api)
    assert health().is_ready(api)


@pytest.mark.parametrize("status", [503, 204, 301, 199])
def test_no_other_answer_means_ready(host: Host, status: int) -> None:
    host.pages["1"] = {"/health/ready": status}
    [api] = [one for one in containers("django") if one.service == "api"]
    with pytest.raises(
        NotReadyError, match=f"is not ready after 75 s: /health/ready answers {status} version 1"
    ):
        health(smoke_path="").wait_ready(api)
    assert not health().is_ready(api)


def test_a_container_that_is_stopped_is_not_ready(host: Host) -> None:
    host.box("django-api-1").running = False
    [api] = [one for one in containers("django") if one.service == "api"]
    began = host.clock.now
    assert health().is_ready(api) is False
    assert host.clock.now == began


def test_a_container_that_crashes_is_not_waited_for(host: Host) -> None:
    [api] = [one for one in containers("django") if one.service == "api"]
    host.crashing.add("1")
    began = host.clock.now
    with pytest.raises(NotReadyError, match="crashes again and again"):
        health().wait_ready(api)
    assert host.clock.now < began + 1


def test_a_container_is_asked_five_times_a_second(host: Host) -> None:
    [api] = [one for one in containers("django") if one.service == "api"]
    host.boot["1"] = 1.3
    host.booted["django-api-1"] = began = host.clock.now
    health().wait_ready(api)
    assert host.clock.now == pytest.approx(began + 1.4)


def test_a_container_that_is_gone_is_not_waited_for(host: Host) -> None:
    [api] = [one for one in containers("django") if one.service == "api"]
    host.boxes.clear()
    began = host.clock.now
    with pytest.raises(NotReadyError, match="crashes again and again"):
        health().wait_ready(api)
    assert host.clock.now == began


@pytest.mark.parametrize(
    ("path", "status", "good"),
    [
        ("/films/", 200, True),
        ("/films/", 404, False),
        ("/films/", 301, False),
        ("", 200, True),
        ("", 404, True),
        ("", 499, True),
        ("", 500, False),
        ("", 502, False),
    ],
)
def test_a_good_answer(host: Host, path: str, status: int, good: bool) -> None:
    host.pages["1"] = {path or "/": status}
    [api] = [one for one in containers("django") if one.service == "api"]
    page = path or "/"

    of_container, of_port = health(smoke_path=path).smoke(api), health(smoke_path=path).smoke_port()

    assert of_container == ("" if good else f"{page} answers {status} version 1")
    assert of_port == ("" if good else f"{page} through port 8080 answers {status}: version 1")
    assert health(smoke_path=path).smoke_port(good=False) == ""


def test_a_slot_has_to_answer_itself(host: Host) -> None:
    assert health().smoke_port("blue") == ""
    assert (
        health().smoke_port("green", good=False) == "/films/ through port 8080 is not answered by slot green"
    )


@pytest.mark.parametrize("error", [ConnectionRefusedError("refused"), http.client.BadStatusLine("nonsense")])
def test_no_answer(host: Host, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_args: object) -> Answer:
        raise error

    [api] = [one for one in containers("django") if one.service == "api"]
    monkeypatch.setattr("ansible.module_utils.stack.probe.get", fail)
    assert health().smoke_port(good=False) == f"port 8080 does not answer ({error})"
    assert health().smoke(api) == f"/films/ does not answer ({error})"


def test_a_switch_is_seen_a_moment_later(host: Host) -> None:
    began = host.clock.now
    host.sticks_to = "green"
    host.add("api", "2", "172.29.90.11")

    def look() -> None:
        if host.clock.now > began + 14:
            host.sticks_to = ""

    host.clock.event = look
    health().see("blue")
    assert host.clock.now > began + 14

    host.sticks_to = "green"
    host.clock.event = lambda: None
    began = host.clock.now
    with pytest.raises(RolloutError, match=r"the new release is not seen from outside: .* slot blue"):
        health().see("blue")
    assert host.clock.now == pytest.approx(began + 15, abs=0.2)


def test_a_switch_is_looked_for_ten_times_a_second(host: Host) -> None:
    began = host.clock.now
    host.pages["1"] = {"/films/": 502}
    host.clock.event = lambda: host.pages.clear() if host.clock.now >= began + 0.25 else None
    health().see("blue")
    assert host.clock.now == pytest.approx(began + 0.3)


def test_a_bad_answer_is_none_unless_any_will_do(host: Host) -> None:
    host.pages["1"] = {"/films/": 400}
    with pytest.raises(RolloutError, match="answers 400"):
        health().see("blue", seconds=0)
    health().see("blue", seconds=0, good=False)


def listen(clock: Clock, answers: str) -> Probe:
    """Ask a service that answers (.) or doesn't (x); each question takes two seconds."""
    left = list(answers)

    def ask() -> bool:
        clock.now += 1
        answer = left.pop(0)
        clock.now += 1
        if not left:
            probe.ended.set()
        return answer == "."

    def wait(seconds: float) -> None:
        assert seconds == 0.02

    probe = Probe(ask)
    probe.ended.wait = wait
    # Not in a thread of its own, which could not tell that an assertion failed.
    probe.run()
    probe.start()
    return probe


@pytest.mark.parametrize(
    ("answers", "seconds"), [(".", 0), ("...", 0), ("x", 2), (".x.", 2), (".xxx.", 6), (".x.x.", 6)]
)
def test_silence_lasts_from_the_first_question_without_an_answer_to_the_last(
    clock: Clock, answers: str, seconds: int
) -> None:
    assert listen(clock, answers).seconds() == seconds


def test_a_probe_ends_when_it_is_asked(clock: Clock) -> None:
    probe = Probe(lambda: True)
    probe.start()
    assert probe.daemon
    assert probe.seconds() == 0
    assert not probe.is_alive()


def test_an_address_of_a_slot_is_asked_on_the_port_of_the_api(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    [api] = [one for one in containers("django") if one.service == "api"]

    def answer(*args: Any) -> Answer:
        asked.append(args)
        return Answer(200, "", "")

    monkeypatch.setattr("ansible.module_utils.stack.probe.get", answer)
    health(api_port=8001).smoke(api)
    health(http_port=80).smoke_port()
    assert asked == [
        (BLUE, 8001, "/films/", "films.example.org"),
        ("127.0.0.1", 80, "/films/", "films.example.org:80"),
    ]
