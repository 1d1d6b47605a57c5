"""Sends bytes as they are, each over a connection of its own, and prints what comes back, as JSON.

Runs where the client is: with {"address", "port", "requests": {name: bytes, compressed and in base64}} as its
argument. It reads until the other side closes the connection, or says nothing for some seconds.
"""

from __future__ import annotations

import base64
import json
import socket
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

# A bound against hanging.
PATIENCE = 120


def exchange(address: str, port: int, request: bytes) -> tuple[bytes, bool]:
    """Return the answer, and whether its end was the end of the connection."""
    answer = b""
    with socket.create_connection((address, port), timeout=PATIENCE) as connection:
        try:
            connection.sendall(request)
            while data := connection.recv(65536):
                answer += data
        except TimeoutError:
            return answer, False
        except ConnectionError:
            pass
    return answer, True


call = json.loads(sys.argv[1])
requests = {name: zlib.decompress(base64.b64decode(content)) for name, content in call["requests"].items()}
with ThreadPoolExecutor(max_workers=16) as pool:
    answers = pool.map(lambda request: exchange(call["address"], call["port"], request), requests.values())
    found = {
        name: (base64.b64encode(raw).decode(), closed)
        for name, (raw, closed) in zip(requests, answers, strict=True)
    }
print(json.dumps(found))
