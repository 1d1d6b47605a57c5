"""Looks on a host for the words of a file, everywhere but in the folder of the secrets.

Runs on the host, as root. Prints in which places each line of the file was found, as JSON. The words come in
a file because an argument would be found, too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

WORDS = Path(sys.argv[1])
SECRETS = sys.argv[2]


def output(*command: str) -> bytes:
    return subprocess.run(command, capture_output=True, check=True).stdout


def listed(*command: str) -> list[str]:
    return output("docker", *command).decode().split()


def processes(name: str) -> bytes:
    found = b""
    for path in Path("/proc").glob(f"[0-9]*/{name}"):
        try:
            found += path.read_bytes()
        except OSError:
            continue
    return found


def places() -> Iterator[tuple[str, bytes]]:
    containers, images = listed("ps", "--all", "--quiet"), listed("image", "ls", "--all", "--quiet")
    yield "environment of a process", processes("environ")
    yield "process list", processes("cmdline")
    yield "inspect container", output("docker", "container", "inspect", *containers)
    yield "inspect image", output("docker", "image", "inspect", *images)
    yield "inspect volume", output("docker", "volume", "inspect", *listed("volume", "ls", "--quiet"))
    history = ("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}")
    yield "image history", b"".join(output(*history, image) for image in set(images))
    logs = [subprocess.run(["docker", "logs", one], capture_output=True, check=True) for one in containers]
    yield "container log", b"".join(log.stdout + log.stderr for log in logs)
    yield "journal", output("journalctl", "--no-pager", "--output=cat")


def files() -> Iterator[tuple[str, str]]:
    """Yield the path and the word of all files that have one: layers of images, volumes, Docker's own."""
    # Each file system once: what Docker has mounted together lies in its layers as well.
    find = ("find", "/", "/run", "/var/lib/docker", "-xdev", "-path", SECRETS, "-prune", "-o")
    names = output(*find, "-type", "f", "-size", "-64M", "-print0")
    grep = (
        "grep",
        "--text",
        "--only-matching",
        "--with-filename",
        "--fixed-strings",
        f"--file={WORDS}",
        "--",
    )
    found = subprocess.run(["xargs", "--null", *grep], input=names, capture_output=True, check=False).stdout
    for line in found.decode(errors="replace").splitlines():
        path, _, word = line.rpartition(":")
        yield path, word


def main() -> None:
    found: dict[str, list[str]] = {word: [] for word in WORDS.read_text().split()}
    for place, text in places():
        for word, where in found.items():
            if word.encode() in text:
                where.append(place)
    for path, word in files():
        found[word].append(path)
    print(json.dumps(found))


main()
