"""Uploads a poster of 5 MB again and again over one connection, for upload.py ADDRESS PORT HOST TOKEN COUNT.

Prints, as JSON, the seconds of each upload.
"""

import http.client
import json
import sys
import time

from pictures import form, noise


def main(address: str, port: str, host: str, token: str, count: str) -> None:
    headers, body = form(noise())
    headers |= {"Host": host, "Authorization": f"Token {token}"}
    connection = http.client.HTTPConnection(address, int(port), timeout=30)
    seconds = []
    for _ in range(int(count)):
        start = time.monotonic()
        connection.request("PATCH", "/api/movies/1", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        seconds.append(time.monotonic() - start)
        if answer.status != http.HTTPStatus.OK:
            sys.exit(f"an upload was answered {answer.status}: {text.decode()[:200]}")
    print(json.dumps(seconds))


main(*sys.argv[1:])
