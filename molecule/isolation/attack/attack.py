"""Attacks a host from a neighbour's place on its network and prints what has answered, as JSON.

Runs on the machine `outside`. Each frame is made by hand and handed to the host, whatever the address in it:
that is what a route through the host does, and the only way to send what is forged. An answer is what
accepts: a SYN's acknowledgement, or a datagram.

Spoofed packets are answered elsewhere if at all. They carry a token, which the host's canaries would note.
"""

from __future__ import annotations

import array
import contextlib
import ipaddress
import json
import secrets
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

INTERFACE = "eth0"
IPV4, IPV6 = 0x0800, 0x86DD
SO_RCVBUFFORCE = 33
TCP, UDP = 6, 17
SYN, ACK = 0x02, 0x10
# What listens inside, what could listen there, and the canaries.
INSIDE_PORTS = (22, 5432, 8000, 8080, 9000, 9001)
UDP_PORTS = (53, 67, 68, 69, 111, 123, 137, 161, 500, 514, 1194, 1900, 4500, 5353, 8080, 9000, 51820)
WELL_KNOWN_PORTS = (*range(1, 1024), *INSIDE_PORTS)
# Frames sent before answers are read: more could overrun the socket.
BURST = 200
# A frame may get lost on a busy machine.
PASSES = 2
# For the last answers to arrive.
PATIENCE = 1.0

Answer = tuple[str, int]


@dataclass(frozen=True)
class Probe:
    source: str
    target: str
    port: int
    protocol: int = TCP
    payload: bytes = b""
    source_port: int = 0


def checksum(data: bytes) -> int:
    """Return the internet checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(array.array("H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return socket.ntohs(~total & 0xFFFF)


def packet(probe: Probe) -> bytes:
    """Return the IP packet of a probe."""
    source = ipaddress.ip_address(probe.source).packed
    target = ipaddress.ip_address(probe.target).packed
    if probe.protocol == TCP:
        segment = struct.pack("!HHIIBBHHH", probe.source_port, probe.port, 1, 0, 5 << 4, SYN, 1024, 0, 0)
        place = 16
    else:
        segment = struct.pack("!HHHH", probe.source_port, probe.port, 8 + len(probe.payload), 0)
        segment += probe.payload
        place = 6
    pseudo = source + target + struct.pack("!II", len(segment), probe.protocol)
    segment = segment[:place] + struct.pack("!H", checksum(pseudo + segment)) + segment[place + 2 :]
    if len(target) == 16:
        return struct.pack("!IHBB", 6 << 28, len(segment), probe.protocol, 64) + source + target + segment
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 1, 0, 64, probe.protocol, 0)
    header += source + target
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + segment


def accepted(frame: bytes, source_port: int) -> Answer | None:
    """Return who accepts what was sent from a port, if this frame says that somebody does."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == IPV4:
        protocol, start = frame[23], 14 + (frame[14] & 0x0F) * 4
        source = socket.inet_ntop(socket.AF_INET, frame[26:30])
    elif kind == IPV6:
        protocol, start = frame[20], 54
        source = socket.inet_ntop(socket.AF_INET6, frame[22:38])
    else:
        return None
    if protocol not in (TCP, UDP):
        return None
    port, to = struct.unpack_from("!HH", frame, start)
    if to != source_port or (protocol == TCP and frame[start + 13] & (SYN | ACK) != SYN | ACK):
        return None
    return source, port


@dataclass
class Wire:
    """The network that the host and its neighbour share."""

    neighbour: bytes
    own: bytes = field(init=False)
    sockets: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        for kind in (IPV4, IPV6):
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(kind))
            made.bind((INTERFACE, kind))
            made.setblocking(False)
            # Each closed port answers as well.
            made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 2**26)
            self.sockets.append(made)
        self.own = self.sockets[0].getsockname()[4]

    def answers(self, source_port: int) -> Iterator[Answer]:
        """Yield the answers that have arrived at a port."""
        for source in self.sockets:
            with contextlib.suppress(BlockingIOError):
                while True:
                    answer = accepted(source.recv(2048), source_port)
                    if answer:
                        yield answer

    def send(self, probes: Iterable[Probe]) -> set[Answer]:
        """Send probes to the host; return who has accepted."""
        found: set[Answer] = set()
        # Others attack at the same time, and answers to an attack before may be repeated.
        source_port = 20000 + secrets.randbelow(40000)
        head = self.neighbour + self.own
        frames = []
        for probe in probes:
            kind = IPV6 if ":" in probe.target else IPV4
            frames.append(head + struct.pack("!H", kind) + packet(replace(probe, source_port=source_port)))
        for _ in range(PASSES):
            for start in range(0, len(frames), BURST):
                for frame in frames[start : start + BURST]:
                    self.sockets[0].send(frame)
                found.update(self.answers(source_port))
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found.update(self.answers(source_port))
            time.sleep(0.02)
        return found


def own_addresses() -> tuple[str, str]:
    """Return our own IPv4 address and our link-local one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((plan["address"], 9))
        ipv4 = probe.getsockname()[0]
    for line in Path("/proc/net/if_inet6").read_text().splitlines():
        digits, _, _, scope, _, name = line.split()
        if name == INTERFACE and scope == "20":
            return ipv4, str(ipaddress.IPv6Address(bytes.fromhex(digits)))
    raise LookupError(f"{INTERFACE} has no link-local address")


def attacks(plan: dict[str, Any]) -> dict[str, list[Answer]]:
    """Run all attacks of a plan."""
    wire = Wire(bytes.fromhex(plan["mac"].replace(":", "")))
    us, us_local = own_addresses()
    us_global = plan["own_address6"]
    found = {
        "full TCP scan": wire.send(Probe(us, plan["address"], port) for port in range(1, 65536)),
        "UDP": wire.send(Probe(us, plan["address"], port, UDP, b"hello") for port in UDP_PORTS),
        "route to inside": wire.send(
            Probe(us, inside, port, protocol, b"hello")
            for inside in plan["inside"]
            for port in INSIDE_PORTS
            for protocol in (TCP, UDP)
        ),
        "forged 127.0.0.1": wire.send(
            Probe(source, "127.0.0.1", port, protocol, b"hello")
            for source in (us, "127.0.0.1")
            for port in INSIDE_PORTS
            for protocol in (TCP, UDP)
        ),
        "IPv6 and link-local": wire.send(
            [
                *(Probe(us_global, plan["address6"], port) for port in WELL_KNOWN_PORTS),
                *(Probe(us_local, plan["link_local"], port) for port in WELL_KNOWN_PORTS),
                *(
                    Probe(us_global, inside, port, protocol, b"hello")
                    for inside in [*plan["inside6"], "::1"]
                    for port in INSIDE_PORTS
                    for protocol in (TCP, UDP)
                ),
            ]
        ),
    }
    # Nobody but a canary can tell whether these came in.
    wire.send(
        Probe(source, target, 9000, UDP, f"{plan['token']} from {source} to {target};".encode())
        for source in plan["spoofed"]
        for target in [plan["address"], *plan["inside"]]
    )
    return {attack: sorted(answers) for attack, answers in found.items()}


plan: dict[str, Any] = json.load(sys.stdin)
json.dump(attacks(plan), sys.stdout)
