"""Malformed requests are refused, and whoever comes after one gets the right answer."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Iterator

import pytest
from targets import PORT, Target
from waiting import wait_until
from wire import Reply, request, send

HOST = "Host: localhost"
CLOSE = "Connection: close"
POST = "POST /api/movies HTTP/1.1"
CHUNKED = "Transfer-Encoding: chunked"
CHUNKS = "5\r\nhello\r\n0\r\n\r\n"
# What an attacker hides in a request: on a poisoned connection, somebody else would get its answer.
HIDDEN = f"GET /api/movies/2 HTTP/1.1\r\n{HOST}\r\n\r\n"

# By name: the request, and the statuses that refuse it.
REFUSED: dict[str, tuple[bytes, set[int]]] = {
    "length and chunks": (request(POST, HOST, "Content-Length: 5", CHUNKED, body=CHUNKS), {400}),
    "chunks and length": (request(POST, HOST, CHUNKED, "Content-Length: 5", body=CHUNKS), {400}),
    "chunks behind a bare LF": (
        request(POST, HOST, f"Content-Length: 5\n{CHUNKED}", body=CHUNKS),
        {400},
    ),
    "two lengths": (request(POST, HOST, "Content-Length: 5", "Content-Length: 6", body="hello!"), {400}),
    "a length twice": (request(POST, HOST, "Content-Length: 5", "Content-Length: 5", body="hello"), {400}),
    "lengths in a list": (request(POST, HOST, "Content-Length: 5, 5", body="hello"), {400}),
    "length with a sign": (request(POST, HOST, "Content-Length: +5", body="hello"), {400}),
    "negative length": (request(POST, HOST, "Content-Length: -5", body="hello"), {400}),
    "huge length": (request(POST, HOST, f"Content-Length: {'9' * 30}", body="hello"), {400}),
    "unknown coding": (request(POST, HOST, "Transfer-Encoding: xchunked", body=CHUNKS), {501}),
    "two codings": (request(POST, HOST, "Transfer-Encoding: identity, chunked", body=CHUNKS), {501}),
    "coding twice": (request(POST, HOST, CHUNKED, CHUNKED, body=CHUNKS), {400}),
    "coding twice, one unknown": (
        request(POST, HOST, CHUNKED, "Transfer-Encoding: x", body=CHUNKS),
        {400, 501},
    ),
    "coding in quotes": (request(POST, HOST, 'Transfer-Encoding: "chunked"', body=CHUNKS), {501}),
    "coding behind a tab": (request(POST, HOST, "Transfer-Encoding:\tchunked", body=CHUNKS), {400, 501}),
    "coding before a vertical tab": (
        request(POST, HOST, "Transfer-Encoding: chunked\x0b", body=CHUNKS),
        {400, 501},
    ),
    "space before the colon": (request(POST, HOST, "Transfer-Encoding : chunked", body=CHUNKS), {400}),
    "chunks in HTTP/1.0": (request("POST /api/movies HTTP/1.0", HOST, CHUNKED, body=CHUNKS), {400}),
    "no chunk": (request(POST, HOST, CHUNKED, body="hello\r\n0\r\n\r\n"), {400}),
    "chunk without an end": (request(POST, HOST, CHUNKED, body="5\r\nhello0\r\n\r\n"), {400}),
    "endless chunk": (request(POST, HOST, CHUNKED, body=f"{'f' * 16}\r\nhello\r\n"), {400, 413}),
    "NUL in a header": (request("GET /api/movies/1 HTTP/1.1", HOST, "X-A: a\0b"), {400}),
    "NUL in the address": (request("GET /api/movies/1\0 HTTP/1.1", HOST), {400}),
    "NUL in disguise": (request("GET /api/movies/1%00 HTTP/1.1", HOST), {400}),
    "NUL in the host": (request("GET /api/movies/1 HTTP/1.1", "Host: local\0host"), {400}),
    "bare CR in a header": (request("GET /api/movies/1 HTTP/1.1", HOST, "X-A: a\rX-B: b"), {400}),
    "bare CR in the line": (request("GET /api/movies/1\r HTTP/1.1", HOST), {400}),
    "folded header": (request("GET /api/movies/1 HTTP/1.1", HOST, "X-A: a", " b"), {400}),
    "space in a header's name": (request("GET /api/movies/1 HTTP/1.1", HOST, "X A: a"), {400}),
    "no host": (request("GET /api/movies/1 HTTP/1.1"), {400}),
    "two hosts": (request("GET /api/movies/1 HTTP/1.1", HOST, "Host: elsewhere"), {400}),
    "no name in the host": (request("GET /api/movies/1 HTTP/1.1", "Host: /"), {400}),
    "lower-case method": (request("get /api/movies/1 HTTP/1.1", HOST), {400}),
    "no method": (request("G@T /api/movies/1 HTTP/1.1", HOST), {400}),
    "trace": (request("TRACE /api/movies/1 HTTP/1.1", HOST), {405}),
    "connect": (request("CONNECT localhost:9000 HTTP/1.1", HOST), {400, 405}),
    "no address": (request("GET HTTP/1.1", HOST), {400}),
    "relative address": (request("GET api/movies/1 HTTP/1.1", HOST), {400}),
    "version 2": (request("GET /api/movies/1 HTTP/2.0", HOST), {400, 505}),
    "version of letters": (request("GET /api/movies/1 HTTP/x", HOST), {400}),
    "HTTP/2 right away": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32) + b"\r\n\r\n", {400}),
    "long address": (request(f"GET /{'a' * 9000} HTTP/1.1", HOST), {414}),
    "long header": (request("GET /api/movies/1 HTTP/1.1", HOST, f"X-A: {'a' * 9000}"), {431}),
    "many headers": (
        request("GET /api/movies/1 HTTP/1.1", HOST, *(f"X-{number}: {'a' * 400}" for number in range(100))),
        {431},
    ),
}

# Not as it should be, but with one meaning only: nginx accepts it and has no setting against it, as HTTP
# allows (RFC 9112, 2.2 and 3.2.2). The API gets what nginx has understood, written anew (see test_http.py).
TAKEN = {
    "bare LF at the ends of lines": f"GET /api/movies/1 HTTP/1.1\n{HOST}\n{CLOSE}\n\n".encode(),
    "bare LF at the end of a header": request("GET /api/movies/1 HTTP/1.1", f"X-A: a\n{HOST}", CLOSE),
    "header without a colon": request("GET /api/movies/1 HTTP/1.1", HOST, "X-A", CLOSE),
    "name in the address": request("GET http://localhost/api/movies/1 HTTP/1.1", "Host: elsewhere", CLOSE),
}


@functools.cache
def replies(target: Target) -> dict[str, Reply]:
    """What came back for each of them: all are sent at once."""
    requests = {name: content for name, (content, _) in REFUSED.items()} | TAKEN
    return send(target.outside, target.address, requests)


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_and_the_connection_closed(target: Target, name: str) -> None:
    reply = replies(target)[name]
    assert reply.status in REFUSED[name][1], reply.raw
    assert reply.closed
    assert reply.raw.count(b"HTTP/1.1 ") == 1, reply.raw
    assert reply.json["status"] == reply.status


@pytest.mark.parametrize("name", TAKEN)
def test_has_one_meaning(target: Target, name: str) -> None:
    reply = replies(target)[name]
    assert reply.status == 200, reply.raw
    assert reply.raw.count(b"HTTP/1.1 ") == 1, reply.raw
    assert reply.json["id"] == 1


def test_before_http_had_heads(target: Target) -> None:
    requests = {"": b"GET /api/movies/1\r\n"}
    reply = send(target.outside, target.address, requests)[""]
    assert reply.closed
    assert json.loads(reply.raw)["detail"] == "Not a host name of this API: see stack_server_names."


# Ways to hide a request within another. Each of them has worked against some proxy.
POISON = {
    name: request(POST, HOST, *headers, body=body)
    for name, headers, body in (
        ("length", (f"Content-Length: {5 + len(HIDDEN)}", CHUNKED), f"0\r\n\r\n{HIDDEN}"),
        ("chunks", (CHUNKED, "Content-Length: 4"), f"{len(HIDDEN):x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
        (
            "chunks in disguise",
            ("Transfer-Encoding : chunked", f"Content-Length: {5 + len(HIDDEN)}"),
            f"0\r\n\r\n{HIDDEN}",
        ),
        (
            "chunks behind a bare LF",
            (f"X-A: a\n{CHUNKED}", f"Content-Length: {5 + len(HIDDEN)}"),
            f"0\r\n\r\n{HIDDEN}",
        ),
        ("two lengths", ("Content-Length: 0", f"Content-Length: {len(HIDDEN)}"), HIDDEN),
        ("chunk with a bare LF", (CHUNKED,), f"1;a\n{HIDDEN}\r\n0\r\n\r\n"),
        ("body of a GET", (f"Content-Length: {len(HIDDEN)}",), HIDDEN),
    )
}

# Sends the poison in rounds, each over a connection of its own, while six clients ask for the first film on
# kept connections, until each of them has had a number of answers. Prints how many answers were right, how
# many were another's, and how often there was none.
POISONER = """
import base64, http.client, json, socket, sys, threading, time
ROUNDS, ANSWERS, PATIENCE = 15, 15, 120
call = json.loads(sys.argv[1])
over, right, wrong, broken = threading.Event(), [], [], []
def ask(connection):
    connection.request("GET", "/api/movies/1", headers={"Host": "localhost"})
    answer = connection.getresponse()
    content = answer.read()
    mine = answer.status == 200 and json.loads(content).get("id") == 1
    (right if mine else wrong).append(answer.status)
def keep_asking():
    asked = 0
    while not over.is_set() or asked < ANSWERS:
        connection = http.client.HTTPConnection(call["address"], call["port"], timeout=PATIENCE)
        try:
            while not over.is_set() or asked < ANSWERS:
                asked += 1
                ask(connection)
                time.sleep(0.1)
        except Exception as error:
            broken.append(error)
            time.sleep(0.1)
clients = [threading.Thread(target=keep_asking, daemon=True) for _ in range(6)]
[client.start() for client in clients]
for _ in range(ROUNDS):
    for poison in call["poison"]:
        with socket.create_connection((call["address"], call["port"]), timeout=PATIENCE) as connection:
            # An answer may come or not.
            connection.settimeout(0.2)
            try:
                connection.sendall(base64.b64decode(poison))
                connection.recv(65536)
            except (TimeoutError, ConnectionError):
                pass
    time.sleep(0.05)
over.set()
[client.join() for client in clients]
print(len(right), len(wrong), len(broken))
"""
ASKED = 6 * 15

# A proxy and an API that can be poisoned: the proxy reads a body by its length, the API by its chunks, and
# both use one connection for all requests.
CARELESS = """
import re, socket, threading
def read(file):
    head = b""
    while not head.endswith(b"\\r\\n\\r\\n"):
        line = file.readline()
        if not line:
            return b"", 0
        head += line
    length = re.search(rb"Content-Length: (\\d+)", head)
    return head, int(length[1]) if length else 0
def api():
    connection, _ = behind.accept()
    file = connection.makefile("rb")
    while True:
        head, length = read(file)
        if b"chunked" in head:
            while size := int(file.readline().split(b";")[0], 16):
                file.read(size + 2)
            file.readline()
        else:
            file.read(length)
        body = b'{"id": 2}' if b"/movies/2" in head else b'{"id": 1}'
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\n" + body)
def serve(client):
    file = client.makefile("rb")
    while True:
        head, length = read(file)
        if not head:
            return
        with lock:
            to_api.sendall(head + file.read(length))
            answer, length = read(from_api)
            client.sendall(answer + from_api.read(length))
lock, behind = threading.Lock(), socket.create_server(("127.0.0.1", 9001))
threading.Thread(target=api, daemon=True).start()
to_api = socket.create_connection(("127.0.0.1", 9001))
from_api, front = to_api.makefile("rb"), socket.create_server(("127.0.0.1", 9000))
while True:
    threading.Thread(target=serve, args=(front.accept()[0],), daemon=True).start()
"""


KNOCK = "import socket; socket.create_connection(('127.0.0.1', 9000))"


def poisoned(target: Target, address: str, port: int, *names: str) -> tuple[int, int, int]:
    """Return how many answers were right, how many were another's, and how often there was none."""
    poison = [base64.b64encode(POISON[name]).decode() for name in names]
    call = {"address": address, "port": port, "poison": poison}
    said = target.outside.check_output("python3 -c %s %s", POISONER, json.dumps(call)).split()
    right, wrong, broken = (int(number) for number in said)
    return right, wrong, broken


def test_poison_reaches_nobody_else(target: Target) -> None:
    right, wrong, broken = poisoned(target, target.address, PORT, *POISON)
    assert right >= ASKED
    assert (wrong, broken) == (0, 0)


@pytest.fixture
def careless_pair(target: Target) -> Iterator[int]:
    """A proxy and an API that understand requests differently, on the client's own machine."""
    target.outside.check_output("python3 -c %s > /dev/null 2>&1 & echo $! > /run/careless.pid", CARELESS)
    wait_until("it listens", lambda: target.outside.run("python3 -c %s", KNOCK).succeeded)
    yield 9000
    target.outside.check_output("kill $(cat /run/careless.pid)")


def test_poison_would_reach_others(target: Target, careless_pair: int) -> None:
    _, wrong, _ = poisoned(target, "127.0.0.1", careless_pair, "length")
    assert wrong > 0
