"""Stops a container and starts it again, for lifecycle.py CONTAINER URL.

Prints, as JSON, the seconds from SIGTERM until it has stopped, and from its start until the URL answers.
"""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request


def docker(command: str, container: str) -> None:
    subprocess.run(["docker", command, container], check=True, stdout=subprocess.DEVNULL)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def main(container: str, url: str) -> None:
    begin = time.monotonic()
    docker("stop", container)
    stopped = time.monotonic()
    docker("start", container)
    while not answers(url):
        if time.monotonic() > stopped + 60:
            sys.exit(f"{url} does not answer: see docker logs {container}")
        time.sleep(0.02)
    print(json.dumps({"stop": stopped - begin, "start": time.monotonic() - stopped}))


main(*sys.argv[1:])
