"""bin/deploy as the first and only command on a bare Debian, by a user with sudo."""

from __future__ import annotations

import json
import re

import pytest
from desk import HOST, deploy
from scenario import connect
from testinfra.host import Host

# Prints the body of an answer of status 200, or another's status: a redirect is not followed.
GET = """
import http.client, sys
connection = http.client.HTTPConnection("localhost", 8080)
connection.request("GET", sys.argv[1])
answer = connection.getresponse()
print(answer.read().decode() if answer.status == 200 else answer.status)
"""


@pytest.fixture(scope="module")
def desk() -> Host:
    return connect(HOST)


def get(host: Host, path: str) -> str:
    return str(host.check_output("python3 -c %s %s", GET, path))


def test_the_first_run_answers_a_film(desk: Host, first: str) -> None:
    film = json.loads(get(desk, "/api/movies/1"))
    assert film["title"]


def test_it_ends_with_what_to_do_next(desk: Host, first: str) -> None:
    end = first[first.rindex("Address") :]
    assert re.search(r"Address +http://localhost:8080/", end)
    password = re.search(r"Its password +(\S+) on localhost", end)
    assert password
    assert desk.run("su engineer -c %s", f"cat {password[1]}").rc != 0
    assert desk.check_output("sudo cat %s", password[1])


def test_the_second_run_changes_nothing(desk: Host, first: str) -> None:
    ids = "docker ps --no-trunc --quiet"
    before = desk.check_output(ids)
    again = deploy()
    assert re.search(r"^localhost +: .*changed=0 ", again, re.MULTILINE)
    assert "Installing" not in again
    assert desk.check_output(ids) == before
