"""Sends one HTTP request that it takes from its argument and prints the answer, both as JSON.

Runs on the machine `outside`. It sends the path as it is, follows no redirect and keeps bodies as they came.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import sys

# A bound against hanging.
PATIENCE = 120
BLOCK = 65536

call = json.loads(sys.argv[1])
headers = call["headers"]
body = [base64.b64decode(call["body"])]
if call["size"]:
    whole, rest = divmod(call["size"], BLOCK)
    body = [*([bytes(BLOCK)] * whole), bytes(rest)]
if not call["chunked"]:
    headers["Content-Length"] = str(sum(map(len, body)))
connection = http.client.HTTPConnection(call["address"], call["port"], timeout=PATIENCE)
# A server may answer, and end the connection, before it has had the whole body.
with contextlib.suppress(ConnectionError):
    connection.request(call["method"], call["path"], body, headers, encode_chunked=call["chunked"])
answer = connection.getresponse()
print(
    json.dumps(
        {
            "status": answer.status,
            "headers": {name.lower(): value for name, value in answer.getheaders()},
            "body": base64.b64encode(answer.read()).decode(),
        }
    )
)
