"""What only a machine of its own can show: it restarts, loses its power, and is back by itself."""

from __future__ import annotations

import contextlib
import json
from typing import Any
from urllib.parse import urlsplit

import load
from conftest import BOOT_SECONDS, PLAYBOOKS, machine, request, wait_for_stack, wait_until
from testinfra.host import Host


def add_film(title: str, password: str) -> dict[str, Any]:
    film = {"title": title, "year": 1931, "genres": ["Drama"], "rating": 7.5}
    headers = {"Content-Type": "application/json"}
    answer = request("/api/movies/", "POST", json.dumps(film).encode(), headers, password)
    assert answer.status == 201, answer.body
    return answer.json


def add_poster(film: dict[str, Any], picture: bytes, password: str) -> dict[str, Any]:
    headers, body = load.form(picture)
    answer = request(f"/api/movies/{film['id']}", "PATCH", body, headers, password)
    assert answer.status == 200, answer.body
    return answer.json


def boot_id(host: Host) -> str:
    """Return what differs from boot to boot; nothing while ssh fails, which testinfra raises as an error."""
    with contextlib.suppress(RuntimeError):
        return host.check_output("cat /proc/sys/kernel/random/boot_id")
    return ""


def test_the_stack_survives_a_reboot(host: Host, password: str) -> None:
    film = add_film("Reboot", password)
    before = boot_id(host)

    # The connection may end before the command does.
    with contextlib.suppress(RuntimeError):
        host.run("systemctl reboot")
    wait_until("it has booted again", lambda: boot_id(host) not in ("", before), BOOT_SECONDS)

    wait_for_stack()
    assert request(f"/api/movies/{film['id']}").json == film


def test_an_acknowledged_write_survives_a_power_cut(host: Host, password: str) -> None:
    picture = load.poster(side=100)
    film = add_poster(add_film("Power cut", password), picture, password)
    # Last, as the system flushes by itself after half a minute.
    host.check_output("sh -c 'echo written > /var/tmp/not-flushed'")
    machine("kill")
    machine("start")

    # The cut was a real one: what nobody had asked to be flushed is gone.
    assert host.run("cat /var/tmp/not-flushed").stdout == ""
    wait_for_stack()
    assert request(f"/api/movies/{film['id']}").json == film
    assert request(urlsplit(film["poster"]).path).body == picture


def test_a_deploy_afterwards_has_nothing_to_do() -> None:
    assert PLAYBOOKS.deploy().recap("vm")["changed"] == 0
