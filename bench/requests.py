"""How fast the stack answers."""

from __future__ import annotations

import base64
import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from bench.figures import Row, alone, compare, in_turns
from bench.machines import CLIENT, HOST, PLAIN, PORT, BenchError, Load, Machine, ask, in_network_of_nginx

ROUNDS = 5
FILM = "/api/movies/1"
# The tutorials' router wants a slash at the end.
TUTORIAL_FILM = "/api/movies/1/"
SLOW_CLIENTS = 12
# Long enough for a stack that answers a few requests a second.
SLOW_SECONDS = 10
SLOW_ROUNDS = 3
UPLOADS = 10
STATIC_PORT = 8090


def measure() -> Iterator[Row]:
    same_bytes(FILM, "/bench/bare/1")
    yield from against_tutorials()
    yield from with_slow_clients()
    yield against_gunicorn()
    yield against_bare_view()
    yield static_files()
    yield uploads()


def sound(load: Load) -> Load:
    """Return what was measured if it says anything.

    Raises:
        BenchError: Requests failed, or there were none.
    """
    if load.failed or not load.requests:
        raise BenchError(f"{load.failed} of {load.requests} requests failed: their times mean nothing")
    return load


def get(url: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return bytes(answer.read())


def same_bytes(ours: str, theirs: str) -> None:
    """Refuse to compare what answers differently."""
    if get(HOST.url(ours)) != get(HOST.url(theirs)):
        raise BenchError(
            f"{theirs} does not answer what {ours} does: have bench/probe/views.py follow the API"
        )


def against_tutorials() -> Iterator[Row]:
    pairs = in_turns(lambda: sound(ask(HOST.url(FILM))), lambda: sound(ask(PLAIN.url(TUTORIAL_FILM))), ROUNDS)
    what, against = f"`GET {FILM}`, 64 connections", "as tutorials leave it"
    yield compare(what, against, "requests/s", rates(pairs), at_least=5)
    yield compare(f"{what}: p99", against, "ms", p99s(pairs), at_most=1 / 4)


def with_slow_clients() -> Iterator[Row]:
    pairs = in_turns(
        lambda: sound(beside_slow_clients(HOST, FILM)),
        # Most of what it fails here are answers that it has not given in the end.
        lambda: beside_slow_clients(PLAIN, TUTORIAL_FILM),
        SLOW_ROUNDS,
    )
    what = f"the same, {SLOW_CLIENTS} slow clients (0.3 s) beside"
    yield compare(what, "as tutorials leave it", "requests/s", rates(pairs), at_least=100)
    theirs = ("as tutorials leave it", [other.p99 for _, other in pairs])
    yield alone(f"{what}: p99", "ms", [one.p99 for one, _ in pairs], at_most=20, beside=theirs)


def beside_slow_clients(machine: Machine, path: str) -> Load:
    url = machine.url("/bench/slow")
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(ask, url, connections=SLOW_CLIENTS, seconds=SLOW_SECONDS + 2)
        load = ask(machine.url(path), seconds=SLOW_SECONDS)
        sound(slow.result())
    return load


def against_gunicorn() -> Row:
    direct = f"http://{HOST.api_address()}:9000{FILM}"
    headers = {"Host": f"{HOST.address}:{PORT}", "X-Forwarded-Proto": "http", "X-Forwarded-For": "192.0.2.1"}
    pairs = in_turns(
        lambda: sound(ask(HOST.url(FILM))),
        lambda: sound(ask(direct, headers=headers, within=HOST)),
        ROUNDS,
    )
    return compare(
        f"`GET {FILM}`", "gunicorn asked inside, no nginx", "requests/s", rates(pairs), at_least=0.9
    )


def against_bare_view() -> Row:
    pairs = in_turns(
        lambda: sound(ask(HOST.url(FILM))), lambda: sound(ask(HOST.url("/bench/bare/1"))), ROUNDS
    )
    against = "the barest view, one SQL query, same bytes"
    return compare(f"`GET {FILM}`", against, "requests/s", rates(pairs), at_least=0.7)


def static_files() -> Row:
    """Compare a hashed file with the same one from the host's own nginx."""
    page = get(HOST.url("/admin/login/")).decode()
    found = re.search(r"/static/static/admin/css/base\.[0-9a-f]{12}\.css", page)
    if not found:
        raise BenchError("the admin's page names no hashed base.css")
    HOST.run("sh", "-c", "cp --recursive /var/lib/docker/volumes/django_static-data/_data /srv/static")
    HOST.run("cp", "/bench/nginx.conf", "/etc/nginx/nginx.conf")
    HOST.run("systemctl", "restart", "nginx")
    headers = {"Accept-Encoding": "gzip"}
    urls = HOST.url(found[0]), HOST.url(found[0], STATIC_PORT)
    if get(urls[0], **headers) != get(urls[1], **headers):
        raise BenchError(f"{found[0]} is not the same from both")
    pairs = in_turns(
        lambda: sound(ask(urls[0], headers=headers)), lambda: sound(ask(urls[1], headers=headers)), ROUNDS
    )
    HOST.run("systemctl", "stop", "nginx")
    return compare(
        "a hashed static file", "nginx on the host, no container", "requests/s", rates(pairs), at_least=0.9
    )


def uploads() -> Row:
    """Compare through nginx and past it; a token saves the work of looking at a password."""
    password = HOST.run("cat", "/srv/django/stack/secrets/django_admin_password").strip()
    basic = base64.b64encode(f"admin:{password}".encode()).decode()
    request = urllib.request.Request(
        HOST.url("/api/tokens"), headers={"Authorization": f"Basic {basic}"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        token = json.load(answer)["token"]
    name = f"{HOST.address}:{PORT}"
    words = ["python3", "/bench/upload.py"]
    outside = [*words, HOST.address, str(PORT), name, token, str(UPLOADS)]
    inside = [*in_network_of_nginx(HOST), *words, HOST.api_address(), "9000", name, token, str(UPLOADS)]
    pairs = in_turns(
        lambda: upload_rate(CLIENT.run(*outside)), lambda: upload_rate(HOST.run(*inside)), ROUNDS
    )
    return compare(
        "upload of a poster of 5 MB", "gunicorn asked inside, no nginx", "uploads/s", pairs, at_least=0.9
    )


def upload_rate(printed: str) -> float:
    """Return uploads per second."""
    seconds: list[float] = json.loads(printed)
    return len(seconds) / sum(seconds)


def rates(pairs: list[tuple[Load, Load]]) -> list[tuple[float, float]]:
    return of_both(pairs, lambda load: load.rate)


def p99s(pairs: list[tuple[Load, Load]]) -> list[tuple[float, float]]:
    return of_both(pairs, lambda load: load.p99)


def of_both(pairs: list[tuple[Load, Load]], figure: Callable[[Load], float]) -> list[tuple[float, float]]:
    return [(figure(one), figure(other)) for one, other in pairs]
