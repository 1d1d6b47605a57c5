"""Clients that are slow on purpose, and what the others notice of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from conftest import FILM, PORT, Target, connect, machine
from testinfra.host import Host

# Slow in three ways: heads that come by the byte, bodies that stop coming, answers that are not read; and the
# seconds after which nginx ends each (client_header_timeout, client_body_timeout, send_timeout).
COUNTS = {"head": 500, "body": 100, "answer": 100}
ENDS = {"head": 10, "body": 15, "answer": 15}
# Of the whole time limits, for machines that are busy.
GRACE = 8
# Large enough that it does not fit between nginx and a client that does not read.
SCRIPT = "/static/static/admin/js/vendor/jquery/jquery.js"

# Opens slow connections, says so, keeps each of them slow until the other side ends it, and prints when that
# was: by kind how many, and the first and the last second. Beside them, an honest upload sends a byte a
# second, for longer than any of those is let live; the status of its answer is printed, too.
ATTACK = """
import json, select, socket, sys, time
address, port, path, counts = sys.argv[1], int(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
BEGINNINGS = {
    "head": "GET / HTTP/1.1\\r\\nHost: localhost\\r\\nX-A: ",
    "body": "POST /api/movies HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 1000\\r\\n\\r\\na",
    "answer": f"GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n",
}
poll, clients, ended = select.poll(), {}, {kind: [] for kind in counts}
for kind, count in counts.items():
    for _ in range(count):
        client = socket.socket()
        if kind == "answer":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect((address, port))
        client.sendall(BEGINNINGS[kind].encode())
        poll.register(client, select.POLLRDHUP)
        clients[client.fileno()] = kind, client, time.monotonic()
upload, length = socket.create_connection((address, port), timeout=10), 100
head = f"POST /api/movies HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: {length}\\r\\n\\r\\n"
upload.sendall(head.encode())
print("open", flush=True)
sent, deadline = time.monotonic(), time.monotonic() + 40
while clients and time.monotonic() < deadline:
    for number, _ in poll.poll(200):
        kind, client, begin = clients.pop(number)
        ended[kind].append(time.monotonic() - begin)
        poll.unregister(number)
        client.close()
    if time.monotonic() - sent > 1:
        sent = time.monotonic()
        upload.sendall(b"a")
        length -= 1
        for kind, client, _ in clients.values():
            if kind == "head":
                try:
                    client.send(b"a")
                except ConnectionError:
                    pass
upload.sendall(b"a" * length)
print(upload.recv(12)[9:].decode())
print(json.dumps({kind: (len(times), min(times), max(times)) for kind, times in ended.items() if times}))
"""

# Asks for a film again and again on four kept connections, 80 times a second in all, and prints the seconds
# that each answer took.
MEASURE = """
import http.client, json, sys, threading, time
address, port, path, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
took = []
def run():
    connection = http.client.HTTPConnection(address, port, timeout=10)
    for _ in range(count // 4):
        begin = time.monotonic()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        seconds = time.monotonic() - begin
        took.append(seconds)
        time.sleep(max(0, 0.05 - seconds))
threads = [threading.Thread(target=run) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(took) == count // 4 * 4, f"{len(took)} of {count} were answered"
print(json.dumps(took))
"""
REQUESTS = 320

# Prints how many connections of that address are open to nginx.
COUNT = """
import subprocess, sys
words = ["ss", "-Htn", "state", "established", f"sport = :8000 and dst {sys.argv[1]}"]
print(len(subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()))
"""


@dataclass
class Attack:
    """What became of the slow connections, once it is over."""

    ended: dict[str, tuple[int, float, float]] = field(default_factory=dict)
    upload: int = 0


@contextmanager
def slow_clients(target: Target) -> Iterator[Attack]:
    """Have slow connections from the machine `spare`, and wait in the end until nginx has ended them."""
    words = ["docker", "exec", machine("spare"), "python3", "-c", ATTACK]
    words += [target.address, str(PORT), SCRIPT, json.dumps(COUNTS)]
    attack = Attack()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        yield attack
        attack.upload = int(process.stdout.readline())
        attack.ended |= json.loads(process.stdout.read())


def measure(target: Target, clients: dict[str, Host]) -> dict[str, list[float]]:
    """Ask from all addresses at once; return the seconds that each answer took."""

    def one(client: Host) -> list[float]:
        words = ("python3 -c %s %s %s %s %s", MEASURE, target.address, str(PORT), FILM, str(REQUESTS))
        took: list[float] = json.loads(client.check_output(*words))
        return took

    with ThreadPoolExecutor() as pool:
        return dict(zip(clients, pool.map(one, clients.values()), strict=True))


def p99(took: list[float]) -> float:
    return sorted(took)[len(took) * 99 // 100]


def test_others_do_not_notice_slow_clients(target: Target) -> None:
    clients = {"another address": target.outside, "the same address": connect("spare")}
    before = measure(target, clients)
    # The host has other addresses as well, of its bridges.
    route = clients["the same address"].check_output("ip -json route get %s", target.address)
    address = json.loads(route)[0]["prefsrc"]

    with slow_clients(target) as attack:
        held = int(target.in_network_of("nginx", COUNT, address))
        during = measure(target, clients)
    # Again, as the machine itself may have become slower meanwhile.
    after = measure(target, clients)

    # They really were there, and nginx ended each of them in its time.
    assert held >= sum(COUNTS.values())
    assert attack.ended.keys() == COUNTS.keys()
    for kind, (count, first, last) in attack.ended.items():
        assert count == COUNTS[kind], kind
        assert ENDS[kind] - 1 <= first, kind
        assert last <= ENDS[kind] + GRACE, kind
    # An upload that is as slow, but goes on, was none of them: it was read to its end.
    assert attack.upload == 401
    for name in clients:
        quiet, slow = p99(before[name] + after[name]), p99(during[name])
        print(f"{target.name}, {name}: p99 {quiet:.3f} s, {slow:.3f} s beside {held} slow clients")
        assert slow <= 2 * quiet, name
