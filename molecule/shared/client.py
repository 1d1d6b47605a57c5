"""Sends one HTTP request that it takes from its argument and prints the answer, both as JSON.

Runs on the machine `outside`. It sends the path as it is, follows no redirect and keeps bodies as they came.
"""

from __future__ import annotations

import base64
import http.client
import json
import sys

call = json.loads(sys.argv[1])
connection = http.client.HTTPConnection(call["address"], call["port"], timeout=30)
connection.request(call["method"], call["path"], body=base64.b64decode(call["body"]), headers=call["headers"])
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
