"""The way back: image and configuration together, without the network, and never past the schema."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import release
from runs import extra
from scenario import PLAYBOOKS
from state import assert_served, current, kept, serving, whole_form
from targets import Target
from traffic import LIGHT, Load, Traffic

ROLLBACK = "playbooks/rollback.yml"

ADDITIVE = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("proof", "{before}")]
    operations = [migrations.AddField("note", "size", models.IntegerField(null=True))]
"""
SIZE = '\nNote.add_to_class("size", models.IntegerField(null=True))\n'


def body_limit(host: Target) -> str:
    """Return the limit that nginx was told last, in its own words."""
    shown = host.run(
        "docker exec django-nginx-1 nginx -T -e stderr -c /etc/nginx/site/nginx.conf 2>/dev/null"
    )
    return next(line.strip() for line in shown.splitlines() if "client_max_body_size" in line)


@contextmanager
def no_way_out(host: Target) -> Iterator[None]:
    """Take the host's way to all networks but its own, where its clients are, meanwhile."""
    gateway = host.run("ip route show default").split()[2]
    anywhere = "ip route get 192.0.2.1"
    assert host.host.run(anywhere).succeeded
    host.run("ip route del default")
    try:
        assert host.host.run(anywhere).failed
        yield
    finally:
        host.run("ip route add default via %s", gateway)


def removed(host: Target, since: float) -> float:
    """Return when the last container was removed."""
    words = "docker events --since %s --until %s --filter type=container --filter event=destroy"
    times = host.run(f"{words} --format '{{{{.Time}}}}'", f"{since:.0f}", f"{time.time():.0f}").split()
    return max(float(moment) for moment in times)


@dataclass(frozen=True)
class WayBack:
    """A rollback on a host that is cut off, under load.

    Attributes:
        wanted: The release that served before the last one.
        left: The release that the rollback led away from.
        gone: When the container of the release that was left had been removed.
        traffic: The load.
    """

    wanted: str
    left: str
    gone: float
    traffic: Traffic


@pytest.fixture(scope="module")
def way_back(
    host: Target, load: Load, new_release: Callable[..., str], say: Callable[[str], None]
) -> WayBack:
    wanted, left = serving(host), new_release()
    PLAYBOOKS.ship()
    # Uploads and no other slow clients: their answers would keep the old container there.
    with load("rollback", clients=LIGHT | {"upload": 6}) as traffic, no_way_out(host):
        begin = time.time()
        run = PLAYBOOKS.play(ROLLBACK)
        assert run.status == 0, run.output
        gone = removed(host, begin)
    say(f"rollback under a light load: {run.seconds:.1f} s")
    return WayBack(wanted, left, gone, traffic)


def test_back_to_the_release_before(host: Target, way_back: WayBack) -> None:
    assert_served(host, way_back.wanted)
    way_back.traffic.assert_nothing_failed()
    assert way_back.traffic.releases()[-1] == way_back.wanted


def test_an_upload_outlives_the_container_that_it_was_meant_for(
    way_back: WayBack, say: Callable[[str], None]
) -> None:
    traffic = way_back.traffic
    quick = traffic.of("get-close")
    switched = max(record.start for record in quick if record.release == way_back.left)
    uploads = traffic.of("upload")
    outlived = [record for record in uploads if record.start < switched and record.end > way_back.gone]
    say(f"uploads that outlived their container: {len(outlived)} of {len(uploads)}")
    assert outlived


@whole_form
def test_back_and_forth_under_full_load(
    host: Target, load: Load, new_release: Callable[..., str], say: Callable[[str], None]
) -> None:
    new_release()
    PLAYBOOKS.ship()
    with load("rollbacks, all kinds of clients") as traffic:
        for _ in range(2):
            run = PLAYBOOKS.play(ROLLBACK)
            assert run.status == 0, run.output
            say(f"rollback under full load, slow answers waited for: {run.seconds:.1f} s")
    assert len(traffic.switches()) == 1
    traffic.assert_nothing_failed()


@whole_form
def test_back_to_a_named_release_with_its_configuration(
    host: Target, new_release: Callable[..., str]
) -> None:
    first = new_release()
    PLAYBOOKS.ship(extra(stack_max_body_mb=11))
    wanted = current(host)
    assert body_limit(host) == "client_max_body_size 11m;"
    for _ in range(2):
        new_release()
        PLAYBOOKS.ship()
    assert body_limit(host) == "client_max_body_size 10m;"

    run = PLAYBOOKS.play(ROLLBACK, f"--extra-vars=release={wanted}")

    assert run.status == 0, run.output
    assert (serving(host), current(host)) == (first, wanted)
    assert body_limit(host) == "client_max_body_size 11m;"


def test_a_misspelt_variable_is_refused(host: Target) -> None:
    before = host.everything(), current(host)
    run = PLAYBOOKS.play(ROLLBACK, f"--extra-vars=relase={kept(host)[0]}")
    assert run.status != 0
    assert "relase is unknown, did you mean release?" in run.one_line
    assert (host.everything(), current(host)) == before


@whole_form
def test_a_release_that_is_not_kept_is_refused(host: Target) -> None:
    before = host.everything(), current(host)
    run = PLAYBOOKS.play(ROLLBACK, "--extra-vars=release=000000000000")
    assert run.status != 0
    for name in kept(host):
        assert name in run.output
    assert (host.everything(), current(host)) == before


@pytest.fixture
def moved_schema(new_release: Callable[..., str]) -> str:
    """Have a release served that added a column; return its name."""
    name = new_release()
    release.keep("proof/migrations/0060_size.py", ADDITIVE.format(before=release.last_migration()))
    release.keep("proof/models.py", (release.APP / "proof/models.py").read_text() + SIZE)
    PLAYBOOKS.ship()
    return name


@whole_form
def test_back_past_the_schema_is_refused(host: Target, light_load: Load, moved_schema: str) -> None:
    before = host.everything(), current(host)
    with light_load("refused rollback") as traffic:
        run = PLAYBOOKS.play(ROLLBACK)
    assert run.status != 0
    assert "proof.0060_size" in run.one_line
    traffic.assert_nothing_failed()
    assert (host.everything(), current(host)) == before
    assert_served(host, moved_schema)
