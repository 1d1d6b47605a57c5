"""The meter of the scenario `redeploy`: it must see each way in which a server can fail its clients."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable

import pytest
from load import Connection, Failure, Load, Record, Request, per_slice, summary
from pictures import noise

Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GOOD = b"HTTP/1.1 200 OK\r\nX-Slot: blue\r\nX-Release: one\r\nContent-Length: 2\r\n\r\nhi"


def says(content: bytes, *, close: bool = False, reset: bool = False, after: int = 10_000) -> Server:
    """Make a server that gives an answer to each request, then keeps the connection or ends it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(after):
            try:
                await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            writer.write(content)
            await writer.drain()
            if close:
                break
        if reset:
            # The kernel answers what comes now with a reset.
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(1, 13, linger)  # SOL_SOCKET, SO_LINGER
            writer.transport.abort()
        writer.close()

    return serve


def ask(server: Server, requests: int = 1) -> list[Record]:
    """Send requests over one strict, kept connection, as the load does."""
    records: list[Record] = []

    async def talk() -> None:
        async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
            load = Load("127.0.0.1", listening.sockets[0].getsockname()[1], "test", records.append)
            connection: Connection | None = None
            for number in range(requests):
                connection = await load.get_keepalive(connection, number, number)
                await asyncio.sleep(0.02)
            if connection:
                connection.close()
            await asyncio.sleep(0.05)  # the server closes its side as well

    asyncio.run(talk())
    return records


def test_good_answers_are_good() -> None:
    records = ask(says(GOOD), requests=5)
    assert [(record.why, record.status, record.slot, record.release) for record in records] == [
        ("", 200, "blue", "one")
    ] * 5


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (says(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), "status 502"),
        (says(GOOD[:-1], close=True), "end within the answer"),
        (says(GOOD[:20], close=True), "end within the answer"),
        (says(b"", close=True), "end instead of an answer"),
        (says(b"", close=True, reset=True), "ConnectionResetError instead of an answer"),
        (says(GOOD[:-1], close=True, reset=True), "ConnectionResetError within an answer"),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", close=True),
            "end within the answer",
        ),
        (says(b"HTTP/1.1 200 OK\r\n\r\nhi", close=True), "not HTTP"),
    ],
    ids=["status", "body", "head", "nothing", "reset", "reset within", "chunks", "no length"],
)
def test_what_is_no_whole_answer_has_failed(server: Server, why: str) -> None:
    (record,) = ask(server)
    assert record.why == why


def test_a_kept_connection_that_ends_unannounced_has_failed() -> None:
    records = ask(says(GOOD, after=2), requests=4)
    assert [bool(record.why) for record in records] == [False, False, True, False]


def test_an_end_that_was_announced_is_none() -> None:
    announced = GOOD.replace(b"X-Slot", b"Connection: close\r\nX-Slot")
    records = ask(says(announced, close=True), requests=4)
    assert [record.why for record in records] == [""] * 4


def test_a_closed_port_has_failed() -> None:
    async def connect() -> None:
        async with await asyncio.start_server(says(GOOD), "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
        await Connection.open("127.0.0.1", port)

    with pytest.raises(Failure, match="connect: ConnectionRefusedError"):
        asyncio.run(connect())


def test_a_chunked_answer_is_put_together() -> None:
    async def talk() -> bytes:
        chunked = says(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        )
        async with await asyncio.start_server(chunked, "127.0.0.1", 0) as listening:
            connection = await Connection.open("127.0.0.1", listening.sockets[0].getsockname()[1])
            answer = await connection.ask(Request("GET", "/"), "localhost")
            connection.close()
            await asyncio.sleep(0.05)
            return answer.body

    assert asyncio.run(talk()) == b"onetwo"


def test_a_picture_of_noise_is_whole() -> None:
    picture = noise(side=4)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    start = picture.index(b"IDAT") + 4
    assert len(zlib.decompress(picture[start : picture.index(b"IEND")])) == 4 * (1 + 3 * 4)


def test_counts() -> None:
    records = [
        Record("get", 0.0, 0.05, "", 200, "blue", "one", "/"),
        Record("get", 0.1, 0.25, "status 502", 502, "", "", "/"),
        Record("get", 0.2, 0.29, "", 200, "green", "two", "/"),
    ]
    (line,) = summary(records)
    assert "requests      3, ok      2, failed    1 {'status 502': 1}" in line
    assert per_slice(records, 0, 0.4) == [[1, 0], [0, 0], [1, 1], [0, 0]]
