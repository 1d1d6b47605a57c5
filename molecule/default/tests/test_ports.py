"""What a client finds open: the port of nginx and nothing else."""

from __future__ import annotations

from ports import INSIDE_PORTS, listener, open_ports, scan, words
from targets import PORT, Target


def test_only_nginx_is_open(target: Target) -> None:
    assert open_ports(target) == {PORT}


def test_gunicorn_and_postgresql_are_refused(target: Target) -> None:
    assert scan(target, ",".join(words(INSIDE_PORTS))) == dict.fromkeys(INSIDE_PORTS, "closed")


def test_the_scanner_would_have_found_them(target: Target) -> None:
    with listener(target):
        assert open_ports(target) == {PORT} | INSIDE_PORTS
