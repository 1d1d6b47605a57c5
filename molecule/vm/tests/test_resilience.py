"""A power cut, which only a machine of its own can have: the stack is back by itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any
from urllib.parse import urlsplit

import pytest
from pictures import noise
from scenario import FOLDER, PLAYBOOKS
from targets import Target
from waiting import wait_until


def add_film(target: Target, title: str) -> dict[str, Any]:
    film = {"title": title, "year": 1931, "genres": ["Drama"], "rating": 7.5}
    headers = target.admin() | {"Content-Type": "application/json"}
    answer = target.request("/api/movies/", "POST", json.dumps(film).encode(), headers)
    assert answer.status == 201, answer.text
    return answer.json


def ended(target: Target) -> str:
    """Return how the database ended before it was started, as it says itself."""
    said = target.run("docker logs %s 2>&1", target.name_of("db"))
    return re.findall(r"database system was (shut down|interrupted)", said)[-1]


def test_the_database_ended_in_order_when_the_machine_was_turned_off(target: Target) -> None:
    assert ended(target) == "shut down"


def test_an_acknowledged_write_survives_a_power_cut(target: Target) -> None:
    picture = noise(side=100)
    answer = target.give_poster(f"/api/movies/{add_film(target, 'Power cut')['id']}", picture)
    assert answer.status == 200, answer.text
    film = answer.json
    # Last, as the system flushes by itself after half a minute.
    target.run("sh -c 'echo written > /var/tmp/not-flushed'")
    for action in ("kill", "start"):
        subprocess.run([FOLDER / "image/vm.sh", action], check=True)

    # The cut was a real one: what nobody had asked to be flushed is gone.
    assert target.host.run("cat /var/tmp/not-flushed").stdout == ""
    wait_until("the API answers", target.is_serving)
    assert ended(target) == "interrupted"
    assert target.request(f"/api/movies/{film['id']}").json == film
    assert target.request(urlsplit(film["poster"]).path).body == picture


@pytest.mark.skipif(
    "WHOLE" not in os.environ,
    reason="three minutes on an emulated processor: WHOLE=yes molecule test -s vm",
)
def test_a_deploy_afterwards_has_nothing_to_do() -> None:
    assert PLAYBOOKS.ship().recap("vm")["changed"] == 0
