"""Sends requests of several kinds to a stack without a break, and says what became of each.

Nothing is retried and nothing is hidden: requests go over plain sockets, and whatever is not the whole, right
answer counts as failed. A kept connection may end only where an answer announced it ("Connection: close").

Runs where the clients are, with Debian's Python and nothing else. It stops when its standard input ends, on
SIGTERM or SIGINT, or after --seconds; requests that are under way then are still waited for.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from pictures import form, noise

# Seconds that an upload is spread over, and that a slow answer takes.
SLOW = 10
# Seconds after which a request counts as failed. How long an answer took is a figure, which differs from
# machine to machine; this is for one that never comes.
PATIENCE = 60
# Seconds between two requests of a client, at least: a closed port would be asked thousands of times a
# second.
REST = 0.05
PIECES = 50


@dataclass(frozen=True)
class Record:
    """One request: when, and what came of it; `why` is empty if all went well."""

    kind: str
    start: float
    end: float
    why: str
    status: int
    slot: str
    release: str
    what: str  # what was asked for: a path, or the title of a film that was to be added


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    spread: float = 0  # seconds that the body is sent in

    def head(self, host: str) -> bytes:
        headers = {"Host": host, **self.headers}
        if self.body:
            headers["Content-Length"] = str(len(self.body))
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    cookies: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


class Failure(Exception):  # noqa: N818 -- it is an outcome here, and no error of this program's
    """What a client of the stack would call an error, in a few words that can be counted."""


class Connection:
    """One connection to the stack, for one request after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, address: str, port: int) -> Connection:
        try:
            return cls(*await asyncio.open_connection(address, port))
        except OSError as error:
            raise Failure(f"connect: {type(error).__name__}") from error

    def close(self) -> None:
        self._writer.transport.abort()

    async def ask(self, request: Request, host: str) -> Answer:
        """Send a request and read its whole answer.

        Raises:
            Failure: There was none, or not the whole of it.
        """
        begun = False
        try:
            await self._send(request, host)
            line = await self._reader.readline()
            begun = bool(line)
            return await self._answer(line)
        except asyncio.IncompleteReadError as error:
            raise Failure("end within the answer" if begun else "end instead of an answer") from error
        except OSError as error:
            raise Failure(
                f"{type(error).__name__} {'within' if begun else 'instead of'} an answer"
            ) from error
        except ValueError as error:
            raise Failure("not HTTP") from error

    async def _send(self, request: Request, host: str) -> None:
        self._writer.write(request.head(host))
        pieces = PIECES if request.spread else 1
        size = -(-len(request.body) // pieces) or 1
        for start in range(0, len(request.body), size):
            self._writer.write(request.body[start : start + size])
            await self._writer.drain()
            await asyncio.sleep(request.spread / pieces)
        await self._writer.drain()

    async def _answer(self, line: bytes) -> Answer:
        if not line:
            raise asyncio.IncompleteReadError(line, None)
        status = int(line.split()[1])
        headers: dict[str, str] = {}
        cookies: dict[str, str] = {}
        while header := (await self._reader.readuntil(b"\r\n")).decode().strip():
            name, value = header.split(":", 1)
            if name.lower() == "set-cookie":
                cookie, _, content = value.split(";")[0].strip().partition("=")
                cookies[cookie] = content
            headers[name.lower()] = value.strip()
        return Answer(status, headers, cookies, await self._body(status, headers))

    async def _body(self, status: int, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        if headers.get("transfer-encoding") == "chunked":
            return b"".join([chunk async for chunk in self._chunks()])
        if status in {204, 304}:
            return b""
        raise ValueError("the end of the answer is not told")

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            yield (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readexactly(2)


class Load:
    """All clients, and what they have seen."""

    def __init__(self, address: str, port: int, name: str, write: Callable[[Record], None]) -> None:
        self.address = address
        self.port = port
        self.name = name
        self.host = f"{address}:{port}"
        self.stopped = asyncio.Event()
        self._write = write
        self._session: dict[str, str] = {}
        self._statics: dict[str, str] = {}  # path of a static file, by the release that named it

    async def log_in(self, user: str, password: str) -> None:
        """Get a session, since checking a password for each request would be most of the load."""
        connection = await Connection.open(self.address, self.port)
        path = "/admin/login/"
        page = await connection.ask(Request("GET", path), self.host)
        token = page.cookies["csrftoken"]
        form = f"username={quote(user)}&password={quote(password)}&csrfmiddlewaretoken={token}&next=/admin/"
        headers = {"Cookie": f"csrftoken={token}", "Content-Type": "application/x-www-form-urlencoded"}
        answer = await connection.ask(Request("POST", path, headers, form.encode()), self.host)
        connection.close()
        if "sessionid" not in answer.cookies:
            raise Failure(f"{user} can't log in: {answer.status}")
        cookies = {"csrftoken": token} | answer.cookies
        self._session = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            "X-CSRFToken": cookies["csrftoken"],
        }

    async def run(self, clients: dict[str, int]) -> None:
        await asyncio.gather(
            *(
                self._client(kind, number, number / count * (KINDS[kind].pause or SLOW))
                for kind, count in clients.items()
                for number in range(count)
            )
        )

    async def _client(self, kind: str, number: int, delay: float) -> None:
        """Send requests of one kind, one after another, until told to stop; clients do not keep step."""
        connection: Connection | None = None
        await self._wait(delay)
        for count in itertools.count():
            if self.stopped.is_set():
                break
            connection = await KINDS[kind].act(self, connection, number, count)
            await self._wait(max(KINDS[kind].pause, REST))
        if connection:
            connection.close()

    async def _wait(self, seconds: float) -> None:
        """Wait, but no longer than until told to stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopped.wait(), seconds)

    async def _exchange(
        self, kind: str, connection: Connection | None, request: Request, what: str = "", wanted: int = 200
    ) -> tuple[Connection | None, Answer | None]:
        """Send one request and record it; return the connection if it lives on, and a good answer."""
        start, why, answer = time.time(), "", None
        try:
            async with asyncio.timeout(PATIENCE):
                connection = connection or await Connection.open(self.address, self.port)
                answer = await connection.ask(request, self.host)
            why = "" if answer.status == wanted else f"status {answer.status}"
        except TimeoutError:
            why = f"no answer in {PATIENCE} s"
        except Failure as failure:
            why = str(failure)
        headers = answer.headers if answer else {}
        slot, release = headers.get("x-slot", ""), headers.get("x-release", "")
        if "x-static" in headers:
            self._statics[release] = headers["x-static"]
        status = answer.status if answer else 0
        self._write(Record(kind, start, time.time(), why, status, slot, release, what or request.path))
        if connection and (why or not answer or answer.closes):
            connection.close()
            connection = None
        return connection, None if why else answer

    async def get_keepalive(
        self, connection: Connection | None, number: int, _count: int
    ) -> Connection | None:
        request = Request("GET", f"/api/movies/{number % 30 + 1}")
        return (await self._exchange("get-keepalive", connection, request))[0]

    async def get_close(self, _connection: Connection | None, number: int, _count: int) -> Connection | None:
        request = Request("GET", f"/api/movies/{number % 30 + 1}", {"Connection": "close"})
        return (await self._exchange("get-close", None, request))[0]

    async def page(self, connection: Connection | None, _number: int, _count: int) -> Connection | None:
        return (await self._exchange("page", connection, Request("GET", "/api/movies/")))[0]

    async def static(self, connection: Connection | None, _number: int, count: int) -> Connection | None:
        """Ask for the static files that the last two releases name, in turn."""
        names = list(self._statics)[-2:]
        if not names:
            return connection
        release = names[count % len(names)]
        request = Request("GET", self._statics[release])
        connection, answer = await self._exchange("static", connection, request)
        if answer and answer.body.decode().strip() != release:
            self._wrong("static", request.path)
        return connection

    async def slow(self, connection: Connection | None, _number: int, _count: int) -> Connection | None:
        request = Request("GET", f"/test/slow?seconds={SLOW}")
        return (await self._exchange("slow", connection, request))[0]

    async def stream(self, connection: Connection | None, _number: int, _count: int) -> Connection | None:
        request = Request("GET", f"/test/stream?seconds={SLOW}")
        connection, answer = await self._exchange("stream", connection, request)
        if answer and answer.body.count(b"\n") != SLOW:
            self._wrong("stream", request.path)
        return connection

    async def post(self, connection: Connection | None, number: int, count: int) -> Connection | None:
        """Add a film; its title tells whether it was, and how often."""
        title = f"{self.name} {number} {count}"
        film = json.dumps({"title": title, "year": 2000, "rating": 5, "genres": []}).encode()
        request = Request("POST", "/api/movies/", self._session | {"Content-Type": "application/json"}, film)
        return (await self._exchange("post", connection, request, title, wanted=201))[0]

    async def upload(self, connection: Connection | None, number: int, _count: int) -> Connection | None:
        """Give a film a poster, slowly, and read it back."""
        picture = noise()
        headers, body = form(picture)
        request = Request("PATCH", f"/api/movies/{number + 1}", self._session | headers, body, spread=SLOW)
        connection, answer = await self._exchange("upload", connection, request)
        if answer:
            path = urlsplit(json.loads(answer.body)["poster"]).path
            connection, answer = await self._exchange("poster", connection, Request("GET", path))
            if answer and answer.body != picture:
                self._wrong("poster", path)
        return connection

    def _wrong(self, kind: str, what: str) -> None:
        now = time.time()
        self._write(Record(kind, now, now, "wrong content", 200, "", "", what))


@dataclass(frozen=True)
class Kind:
    """What a client of this kind does, again and again, and the seconds between."""

    act: Callable[[Load, Connection | None, int, int], Any]
    pause: float
    clients: int


# Many clients that rest, rather than few that do not: a stack that answers nobody holds each of them up, so
# that what it fails is seen once for each.
KINDS = {
    "get-keepalive": Kind(Load.get_keepalive, 0.35, 40),
    "get-close": Kind(Load.get_close, 0.45, 24),
    "page": Kind(Load.page, 0.6, 6),
    "static": Kind(Load.static, 0.2, 4),
    "slow": Kind(Load.slow, 0, 3),
    "stream": Kind(Load.stream, 0, 2),
    "post": Kind(Load.post, 0.3, 8),
    "upload": Kind(Load.upload, 0, 2),
}


def read(path: Path) -> list[Record]:
    """Read what a load has written."""
    with path.open() as lines:
        return [Record(*json.loads(line)) for line in lines]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def summary(records: Iterable[Record]) -> Iterator[str]:
    """Describe each kind in a line: requests, those that failed and why, and how long good ones took."""
    kinds: dict[str, list[Record]] = {}
    for record in records:
        kinds.setdefault(record.kind, []).append(record)
    for kind, found in sorted(kinds.items()):
        reasons = Counter(record.why for record in found if record.why)
        good = [record.end - record.start for record in found if not record.why]
        times = [f"p{round(share * 100)} {percentile(good, share):.3f} s" for share in (0.5, 0.99, 1) if good]
        yield (
            f"{kind:14} requests {len(found):6}, ok {len(good):6}, failed {reasons.total():4}"
            f" {dict(reasons) if reasons else ''} {', '.join(times)}".rstrip()
        )


def per_slice(records: Iterable[Record], begin: float, end: float, width: float = 0.1) -> list[list[int]]:
    """Count what was answered and what failed in each slice of time: [[answered, failed], ...]."""
    slices = [[0, 0] for _ in range(round((end - begin) / width))]
    for record in records:
        number = int((record.end - begin) / width)
        if record.end >= begin and number < len(slices):
            slices[number][bool(record.why)] += 1
    return slices


def clients(argument: str) -> dict[str, int]:
    """Read "post=2,slow=1"."""
    chosen = {kind: int(count) for kind, count in (pair.split("=") for pair in argument.split(","))}
    unknown = chosen.keys() - KINDS.keys()
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} is none of {', '.join(KINDS)}")
    return chosen


async def main(arguments: argparse.Namespace) -> None:
    """Run the clients that the arguments ask for, and print what came of it."""
    records: list[Record] = []
    with Path(arguments.output).open("w") as output:

        def write(record: Record) -> None:
            records.append(record)
            output.write(json.dumps(astuple(record)) + "\n")

        load = Load(arguments.address, arguments.port, arguments.name, write)
        await load.log_in(arguments.user, arguments.password_file.read_text())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, load.stopped.set)
        loop.add_reader(sys.stdin, load.stopped.set)
        loop.call_later(arguments.seconds, load.stopped.set)
        print("started", flush=True)
        await load.run(arguments.clients)
    print("\n".join(summary(records)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", help="where the stack is")
    parser.add_argument("output", help="file for the records, one JSON list a line")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--name", default="load", help="first word of the films' titles")
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=24 * 3600)
    parser.add_argument(
        "--clients",
        type=clients,
        default={name: kind.clients for name, kind in KINDS.items()},
        help=f"how many of which kind, as in post=2,slow=1; the kinds are {', '.join(KINDS)}",
    )
    asyncio.run(main(parser.parse_args()))
