"""Requests as bytes on the wire, and answers with all their headers."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from targets import PORT, Target
from testinfra.host import Host

RAW = Path(__file__).with_name("raw.py").read_text()


@dataclass(frozen=True)
class Reply:
    """All that came back over one connection."""

    raw: bytes
    closed: bool

    @property
    def status(self) -> int:
        """The status of the first answer; 0 if there was none, or one without a head."""
        return int(self.raw.split()[1]) if self.raw.startswith(b"HTTP/1.") else 0

    @property
    def head(self) -> list[tuple[str, str]]:
        lines = self.raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    def values(self, name: str) -> list[str]:
        return [value for found, value in self.head if found == name.lower()]

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(line: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join([line, *headers, "", body]).encode("latin-1")


def send(client: Host, address: str, requests: dict[str, bytes], port: int = PORT) -> dict[str, Reply]:
    """Send requests at once, and return what came back by their names."""
    call = {
        "address": address,
        "port": port,
        "requests": {
            name: base64.b64encode(zlib.compress(content)).decode() for name, content in requests.items()
        },
    }
    found = json.loads(client.check_output("python3 -c %s %s", RAW, json.dumps(call)))
    return {name: Reply(base64.b64decode(raw), closed) for name, (raw, closed) in found.items()}


def ask(target: Target, line: str, *headers: str, host: str = "", body: str = "") -> Reply:
    """Send one request from `outside`, by the host's own name unless told otherwise."""
    words = (f"Host: {host or target.address}", "Connection: close", *headers)
    return send(target.outside, target.address, {"": request(line, *words, body=body)})[""]
