"""How nginx and Django answer a request together: headers, names, errors and limits."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from scenario import connect
from second_nginx import configuration, second_nginx
from targets import FILM, PORT, Target
from test_malformed import TAKEN
from testinfra.host import Host
from wire import Reply, ask, request, send

STYLE = "/static/static/admin/css/base.css"
SCRIPT = "/static/static/admin/js/vendor/jquery/jquery.js"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Errors that nginx answers by itself: the request's first line, its headers, and the status of the answer.
ERRORS = {
    "no such file": ("GET /static/static/nothing HTTP/1.1", (), 404),
    "no such upload": ("GET /static/media/nothing HTTP/1.1", (), 404),
    "hidden": ("GET /health/ready HTTP/1.1", (), 404),
    "our own page": ("GET /nginx-error/ HTTP/1.1", (), 404),
    "folder": ("GET /static/static/ HTTP/1.1", (), 403),
    "method": (f"POST {STYLE} HTTP/1.1", (), 405),
    "range": (f"GET {STYLE} HTTP/1.1", ("Range: bytes=999999999-",), 416),
    "body": (f"PATCH {FILM} HTTP/1.1", (f"Content-Length: {11 * 2**20}",), 413),
    "long address": (f"GET /{9000 * 'a'} HTTP/1.1", (), 414),
    "long header": (f"GET {FILM} HTTP/1.1", (f"X-A: {9000 * 'a'}",), 431),
    "malformed": (f"GET {FILM} HTTP/1.1", ("X A: a",), 400),
}
# What answers with which status.
PATHS = {FILM: 200, "/admin/login/": 200, "/api/nothing": 404, "/nothing": 404, STYLE: 200}
UNKNOWN = ["elsewhere", "elsewhere:8080", "10.213.5.1", "evil.localhost", "localhost.evil"]
KNOWN = ["{0.address}", "{0.address}:8080", "{0.name}", "localhost", "LocalHost:1", "localhost.", "127.0.0.1"]
FORGED = "6.6.6.6"

# Answers every request with its head, as it arrived.
ECHO = """
import socket
listener = socket.create_server(("127.0.0.1", 9082))
while True:
    connection, _ = listener.accept()
    head = b""
    while b"\\r\\n\\r\\n" not in head and (data := connection.recv(65536)):
        head += data
    head = head.partition(b"\\r\\n\\r\\n")[0] + b"\\r\\n"
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(head) + head)
    connection.close()
"""
ECHO_PORT = 8082

# Asks for a path as often as may come at once, then many times more without waiting for an answer, so that
# these come as quickly as they are sent. Prints how many of the first were told to wait, how many of fifty
# that follow, and how many of fifty that ask for a file.
HURRY = """
import http.client, socket, sys
address, port, path, file = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
crowd = [http.client.HTTPConnection(address, port, timeout=120) for _ in range(50)]
def told_to_wait(path, times):
    statuses = []
    for _ in range(times):
        for connection in crowd:
            connection.request("GET", path, headers={"Host": "localhost"})
        for connection in crowd:
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
    return statuses.count(429)
before = told_to_wait(path, 10)
for _ in range(3000):
    with socket.create_connection((address, port), timeout=120) as hurried:
        hurried.sendall(f"GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n".encode())
print(before, told_to_wait(path, 1), told_to_wait(file, 1))
"""

# Asks for a file on so many connections at once and reads no more than the beginning of each answer; prints
# how often each status came.
CROWD = """
import collections, socket, sys
address, port, path, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
crowd = []
for _ in range(count):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.settimeout(120)
    connection.connect((address, port))
    connection.sendall(f"GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n".encode())
    crowd.append(connection)
statuses = collections.Counter(connection.recv(12)[9:].decode() for connection in crowd)
print(*(f"{status}:{count}" for status, count in sorted(statuses.items())))
"""


@pytest.fixture
def another() -> Host:
    """Another client, with an address of its own."""
    return connect("another")


@functools.cache
def replies(target: Target) -> dict[str, Reply]:
    """What comes back for all of these: asked at once."""
    usual = ("Host: localhost", "Connection: close")
    requests = {path: request(f"GET {path} HTTP/1.1", *usual) for path in PATHS}
    requests |= {name: request(line, *usual, *headers) for name, (line, headers, _) in ERRORS.items()}
    for host in [*UNKNOWN, *KNOWN]:
        words = (f"Host: {host.format(target)}", "Connection: close")
        requests |= {f"{path} of {host}": request(f"GET {path} HTTP/1.1", *words) for path in (FILM, STYLE)}
        # In the request's line, a name counts more than in the header.
        line = f"GET http://{host.format(target)}{FILM} HTTP/1.1"
        requests[f"line of {host}"] = request(line, *usual)
    return send(target.outside, target.address, requests)


def assert_problem(reply: Reply) -> None:
    """Check that an error is told as problem details (RFC 9457)."""
    assert reply.values("Content-Type") == ["application/problem+json"]
    assert list(reply.json) == ["type", "title", "status", "detail", "request_id"]
    assert reply.json["status"] == reply.status
    assert [reply.json["request_id"]] == reply.values("X-Request-ID")


def assert_headers(reply: Reply) -> None:
    """Check that the answer has each header, once."""
    for name, value in HEADERS.items():
        found = reply.values(name)
        assert len(found) == 1, f"{name}: {found}"
        assert found[0].startswith(value), f"{name}: {found}"
    [request_id] = reply.values("X-Request-ID")
    assert re.fullmatch("[0-9a-f]{32}", request_id)
    assert reply.values("Server") == ["nginx"]


@pytest.mark.parametrize("path", PATHS)
def test_each_answer_has_each_header_once(target: Target, path: str) -> None:
    reply = replies(target)[path]
    assert reply.status == PATHS[path], reply.raw
    assert_headers(reply)


def test_the_policy_leaves_nothing_to_others(target: Target) -> None:
    [policy] = replies(target)["/admin/login/"].values("Content-Security-Policy")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", ERRORS)
def test_errors_of_nginx_look_like_the_apis(target: Target, name: str) -> None:
    reply = replies(target)[name]
    assert reply.status == ERRORS[name][2], reply.raw
    assert_problem(reply)
    assert_headers(reply)


@pytest.mark.parametrize("what", [FILM, STYLE, "line"])
@pytest.mark.parametrize("host", UNKNOWN)
def test_unknown_name(target: Target, host: str, what: str) -> None:
    reply = replies(target)[f"{what} of {host}"]
    assert reply.status == 421, reply.raw
    assert reply.json["detail"] == "Not a host name of this API: see stack_server_names."
    assert_headers(reply)


@pytest.mark.parametrize("what", [FILM, STYLE, "line"])
@pytest.mark.parametrize("host", KNOWN)
def test_known_name(target: Target, host: str, what: str) -> None:
    assert replies(target)[f"{what} of {host}"].status == 200


@dataclass(frozen=True)
class Echo:
    """The stack's nginx, in front of a program that answers with the request that it got."""

    target: Target

    def heads(self, requests: dict[str, bytes]) -> dict[str, list[str]]:
        """Return by name the lines that arrived."""
        replies = send(self.target.host, "127.0.0.1", requests, ECHO_PORT)
        return {name: reply.body.decode().split("\r\n") for name, reply in replies.items()}


@pytest.fixture
def echo(target: Target) -> Iterator[Echo]:
    name = "molecule-echo"
    target.run("systemd-run --quiet --collect --unit=%s python3 -c %s", name, ECHO)
    text = re.sub(r"server [0-9.]+:9000", "server 127.0.0.1:9082", configuration(target, ECHO_PORT))
    with second_nginx(target, ECHO_PORT, text):
        yield Echo(target)
    target.run(f"systemctl stop {name}")


CLAIMS = [
    "Forwarded: for={0};host={0}",
    "X-Forwarded-For: {0}",
    "X-Forwarded-For: {0}, 127.0.0.1",
    "x-forwarded-for: {0}",
    "X_Forwarded_For: {0}",
    "X-Forwarded-Host: {0}",
    "X-Forwarded-Port: {0}",
    "X-Forwarded-Prefix: {0}",
    "X-Forwarded-Proto: {0}",
    "X-Forwarded-Server: {0}",
    "X-Forwarded-Ssl: {0}",
    "X-Real-IP: {0}",
    "X-Request-ID: {0}",
    "X_Request_ID: {0}",
    "Proxy: {0}",
]


def test_a_client_is_not_believed(echo: Echo) -> None:
    line = "GET / HTTP/1.1"
    hosts = ("Host: localhost", "Connection: close")
    requests = {claim: request(line, *hosts, claim.format(FORGED)) for claim in [*CLAIMS, "X-Other: {0}"]}

    for claim, lines in echo.heads(requests).items():
        if claim == "X-Other: {0}":
            # The control: any other header passes, so a forged value would be seen.
            assert f"X-Other: {FORGED}" in lines
        else:
            assert not [one for one in lines if FORGED in one], claim
        assert [one for one in lines if "forwarded" in one.lower()] == [
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: http",
        ], claim
        assert [one for one in lines if re.fullmatch(r"X-Request-ID: [0-9a-f]{32}", one)], claim


def test_what_is_taken_is_written_anew(echo: Echo) -> None:
    for name, lines in echo.heads(TAKEN).items():
        assert lines[0] == f"GET {FILM} HTTP/1.1", name
        assert "Host: localhost" in lines, name
        assert [one for one in lines if one.lower().startswith("host:")] == ["Host: localhost"], name
        assert not [one for one in lines if "\n" in one or "\r" in one], name
        assert lines[-1] == "", name
        assert all(re.fullmatch(r"[A-Za-z-]+: ?.*", one) for one in lines[1:-1]), lines


def test_the_request_id_leads_to_both_logs(target: Target) -> None:
    reply = ask(target, "GET /api/nothing HTTP/1.1", f"X-Request-ID: {FORGED}")
    assert reply.status == 404
    [found] = reply.values("X-Request-ID")
    assert re.fullmatch("[0-9a-f]{32}", found)
    assert found not in ask(target, "GET /api/nothing HTTP/1.1").values("X-Request-ID")
    for service, line in (("nginx", '"GET /api/nothing HTTP/1.1" 404'), ("api", "Not Found: /api/nothing")):
        log = target.run("docker logs %s 2>&1", target.name_of(service))
        assert [one for one in log.splitlines() if found in one and line in one], service


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize(("megabytes", "status"), [(11, 413), (9, 401)], ids=["above", "below"])
def test_largest_body(target: Target, megabytes: int, status: int, chunked: bool) -> None:
    assert target.request(FILM, "PATCH", size=megabytes * 2**20, chunked=chunked).status == status


def test_a_client_that_hurries_is_told_to_wait(target: Target, another: Host) -> None:
    words = ("python3 -c %s %s %s %s %s", HURRY, target.address, str(PORT), "/api/nothing", STYLE)
    before, then, files = (int(word) for word in another.check_output(*words).split())
    # Five seconds' worth come through at once.
    assert before == 0
    assert then > 0
    # Neither files nor other clients are kept waiting.
    assert files == 0
    assert target.request(FILM).status == 200


def test_one_client_does_not_take_all_connections(target: Target, another: Host) -> None:
    words = ("python3 -c %s %s %s %s %s", CROWD, target.address, str(PORT), SCRIPT, "600")
    assert another.check_output(*words) == "200:512 429:88"
    assert target.request(FILM).status == 200


def test_django_finds_nothing_to_object_to(target: Target) -> None:
    words = "python manage.py check --deploy --fail-level WARNING 2>&1"
    said = target.run(f"docker exec --user 10001:10001 %s sh -c '{words}'", target.name_of("api"))
    assert said == "System check identified no issues (4 silenced)."
