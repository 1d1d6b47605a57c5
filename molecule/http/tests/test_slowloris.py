"""Slow clients hold their connections for as long as they can, and nobody else notices."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scenario import connect, machine
from targets import FILM, PORT, Target
from testinfra.host import Host

# Slow in three ways: heads that come by the byte, bodies that stop coming, answers that are not read.
COUNTS = {"head": 500, "body": 100, "answer": 100}
# Large enough that it does not fit between nginx and a client that does not read.
SCRIPT = "/static/static/admin/js/vendor/jquery/jquery.js"

# Holds slow connections: as soon as the other side ends one, another takes its place. Beside them, an honest
# upload sends a byte a second. At the end of its input it ends. If it is told to wait, it opens no more of
# them, waits until the other side has ended all that are there, and then sends the rest of the upload; it
# prints how many of each kind the other side has ended, and the status that the upload was answered with.
#
# Django reads the body of a login with such a cookie before anything else.
HOLD = """
import json, os, select, socket, sys, time
address, port, path, counts = sys.argv[1], int(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
LOGIN = (
    "POST /admin/login/ HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 1000\\r\\n"
    + "Cookie: csrftoken=" + 32 * "a" + "\\r\\nContent-Type: application/x-www-form-urlencoded\\r\\n\\r\\na"
)
BEGINNINGS = {
    "head": "GET / HTTP/1.1\\r\\nHost: localhost\\r\\nX-A: ",
    "body": LOGIN,
    "answer": f"GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n",
}
poll, clients, ended = select.poll(), {}, {kind: 0 for kind in counts}

def begin(kind):
    client = socket.socket()
    if kind == "answer":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.connect((address, port))
    client.sendall(BEGINNINGS[kind].encode())
    poll.register(client, select.POLLRDHUP)
    clients[client.fileno()] = kind, client

def drip(client):
    try:
        client.send(b"a")
    except ConnectionError:
        pass

upload, length = socket.create_connection((address, port)), 10_000
head = f"POST /api/movies HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: {length}\\r\\n\\r\\n"
upload.sendall(head.encode())
for kind, count in counts.items():
    for _ in range(count):
        begin(kind)
print("open", flush=True)
poll.register(0, select.POLLIN)
dripped, goes_on, deadline = time.monotonic(), True, float("inf")
while clients and time.monotonic() < deadline:
    for number, _ in poll.poll(200):
        if number == 0:
            goes_on, deadline = False, time.monotonic() + 120
            poll.unregister(0)
            if not os.read(0, 10):
                sys.exit()
            continue
        kind, client = clients.pop(number)
        ended[kind] += 1
        poll.unregister(number)
        client.close()
        if goes_on:
            begin(kind)
    if time.monotonic() - dripped > 1:
        dripped = time.monotonic()
        length -= 1
        for client in [upload] + [client for kind, client in clients.values() if kind == "head"]:
            drip(client)
upload.sendall(b"a" * length)
print(json.dumps([ended, int(upload.recv(12)[9:] or 0)]))
"""

# Asks for a film on some connections at once, a number of times on each, and prints the seconds that each
# good answer took. Gives up a connection on which nothing has come for so many seconds.
ASK = """
import http.client, json, sys, threading, time
address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
connections, times, patience = (int(word) for word in sys.argv[4:])
took = []
def run():
    connection = http.client.HTTPConnection(address, port, timeout=patience)
    for _ in range(times):
        begin = time.monotonic()
        try:
            connection.request("GET", path, headers={"Host": "localhost"})
            answer = connection.getresponse()
            answer.read()
        except TimeoutError:
            return
        assert answer.status == 200, answer.status
        took.append(time.monotonic() - begin)
threads = [threading.Thread(target=run) for _ in range(connections)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(took))
"""
# No more than may come at once from one address.
CONNECTIONS, TIMES = 4, 40
# A bound against hanging.
PATIENCE = 120

# Prints how many connections of that address are open to nginx.
COUNT = """
import subprocess, sys
words = ["ss", "-Htn", "state", "established", f"sport = :8000 and dst {sys.argv[1]}"]
print(len(subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()))
"""


@dataclass(frozen=True)
class Slow:
    """Slow connections, for as long as they are held."""

    process: subprocess.Popen[str]

    def wait_for_their_end(self) -> Any:
        """Open no more; return how many of each kind were ended, and the status of the honest upload."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("wait\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def slow_clients(client: str, address: str, port: int, counts: dict[str, int]) -> Iterator[Slow]:
    """Have a machine hold slow connections."""
    words = ["docker", "exec", "--interactive", machine(client), "python3", "-c", HOLD]
    words += [address, str(port), SCRIPT, json.dumps(counts)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        yield Slow(process)
        process.stdin.close()


def ask(client: Host, address: str, port: int, connections: int, times: int, patience: int) -> list[float]:
    """Return the seconds that each good answer took."""
    words = (address, str(port), FILM, str(connections), str(times), str(patience))
    took: list[float] = json.loads(client.check_output("python3 -c %s" + " %s" * len(words), ASK, *words))
    return took


def p99(took: list[float]) -> float:
    return sorted(took)[len(took) * 99 // 100]


def test_others_do_not_notice_slow_clients(target: Target, say: Callable[[str], None]) -> None:
    clients = {"another address": target.outside, "the same address": connect("another")}
    # The host has other addresses as well, of its bridges.
    route = clients["the same address"].check_output("ip -json route get %s", target.address)
    address = json.loads(route)[0]["prefsrc"]

    def ask_all() -> list[list[float]]:
        with ThreadPoolExecutor() as pool:
            words = (target.address, PORT, CONNECTIONS, TIMES, PATIENCE)
            return list(pool.map(lambda client: ask(client, *words), clients.values()))

    def held() -> int:
        return int(target.in_network_of("nginx", COUNT, address))

    quiet = ask_all()
    with slow_clients("another", target.address, PORT, COUNTS) as slow:
        before = held()
        answered = ask_all()
        after = held()
        ended, upload = slow.wait_for_their_end()

    # All of them were there, all the time, and nginx has ended each that was.
    assert min(before, after) >= sum(COUNTS.values())
    assert all(ended[kind] >= count for kind, count in COUNTS.items()), ended
    # Everybody else was answered meanwhile.
    assert [len(took) for took in answered] == [CONNECTIONS * TIMES] * len(clients)
    # An upload that is as slow, but does go on, was read to its end.
    assert upload == 401
    for name, without, beside in zip(clients, quiet, answered, strict=True):
        say(f"{name}: p99 {p99(without):.3f} s, beside {before} slow clients {p99(beside):.3f} s")


def test_slow_clients_would_keep_gunicorn_busy(target: Target) -> None:
    api = target.container("api")["NetworkSettings"]["Networks"]["django_backend"]["IPAddress"]
    assert len(ask(target.host, api, 9000, 40, 1, PATIENCE)) == 40
    with slow_clients("host", api, 9000, {"body": 300}):
        assert len(ask(target.host, api, 9000, 40, 1, 5)) < 40
    # They are gone, and it answers again.
    assert len(ask(target.host, api, 9000, 40, 1, PATIENCE)) == 40
