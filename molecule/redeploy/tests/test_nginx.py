"""What changes nginx or the database: a reload where that will do, else an interruption that is announced."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest
from runs import extra
from scenario import PLAYBOOKS
from state import assert_at_rest, serving, whole_form
from targets import FILM, Target
from traffic import Load, Traffic

# nginx closes idle connections when it reloads, and a client may be sending into one just then.
AT_RELOAD = {"end instead of an answer", "ConnectionResetError instead of an answer"}
KEPT = {"get-keepalive", "page", "static", "post", "slow", "stream", "upload", "poster"}


def status_of_a_large_body(host: Target) -> int:
    """Send a body of a little more than 10 MiB."""
    return host.request(FILM, "PATCH", size=10 * 2**20 + 1).status


@whole_form
def test_a_changed_configuration_is_reloaded(host: Target, load: Load, say: Callable[[str], None]) -> None:
    before = host.containers()
    assert status_of_a_large_body(host) == 413

    with load("changed nginx.conf") as traffic:
        run = PLAYBOOKS.ship(extra(stack_max_body_mb=11))

    assert host.containers() == before
    assert status_of_a_large_body(host) == 401
    closed = [record for record in traffic.failed if record.kind in KEPT and record.why in AT_RELOAD]
    say(f"reload: {len(closed)} of {len(traffic.records)} requests met a connection that nginx had closed")
    assert traffic.failed == closed
    assert "interruption" not in run.output
    PLAYBOOKS.ship()


def silence(traffic: Traffic) -> float:
    """Return the seconds in which nothing was answered that needs both nginx and the database."""
    good = sorted(record.end for record in traffic.of("get-close") if not record.why)
    return max(after - before for before, after in itertools.pairwise(good))


@whole_form
@pytest.mark.parametrize(("service", "variable"), [("nginx", "nginx_image"), ("db", "postgres_image")])
def test_a_changed_image_is_announced_as_an_interruption(
    host: Target, load: Load, say: Callable[[str], None], service: str, variable: str
) -> None:
    name = serving(host)
    before = host.containers()
    image = host.container(service)["Config"]["Image"]
    host.run("docker tag %s %s", image, f"again/{service}:1")

    with load(f"changed image of {service}", clients={"get-close": 8, "get-keepalive": 8}) as traffic:
        run = PLAYBOOKS.ship(extra(**{variable: f"again/{service}:1"}))

    after = host.containers()
    assert {one for one in after if after[one] != before.get(one)} == {f"django-{service}-1"}
    said = run.one_line
    assert f"replaces {service}" in said
    told = re.search(rf"replaced {service}: an interruption of ([\d.]+) s", said)
    assert told, run.output
    say(f"changed image of {service}: {told[1]} s by its own count, {silence(traffic):.1f} s by the load's")
    assert traffic.failed
    PLAYBOOKS.ship()
    assert_at_rest(host, name)
