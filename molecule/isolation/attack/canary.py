"""Listens on port 9000, as gunicorn would: takes connections, answers datagrams and prints what they hold."""

from __future__ import annotations

import selectors
import signal
import socket
import sys

PORT = 9000

# The first process of a container does not end by itself when it is told to: its host's restart would wait.
signal.signal(signal.SIGTERM, lambda *_: sys.exit())

tcp = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True)
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
udp.bind(("::", PORT))
sockets = selectors.DefaultSelector()
sockets.register(tcp, selectors.EVENT_READ)
sockets.register(udp, selectors.EVENT_READ)
print("listening", flush=True)
while True:
    for key, _ in sockets.select():
        if key.fileobj is tcp:
            tcp.accept()[0].close()
            continue
        message, address = udp.recvfrom(1024)
        print(message.decode(errors="replace"), flush=True)
        udp.sendto(message, address)
