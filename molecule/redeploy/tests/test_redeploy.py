"""Redeploys in a row under load: every request is answered, each acknowledged film is there once."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import load as generator
import picture
import pytest
import release
from scenario import PLAYBOOKS
from state import REDEPLOYS, assert_at_rest, serving
from targets import Target
from traffic import Load, Traffic

KINDS = [*generator.KINDS, "poster"]


@dataclass(frozen=True)
class Series:
    names: list[str]
    traffic: Traffic


@pytest.fixture(scope="module")
def series(host: Target, load: Load, new_release: Callable[..., str], say: Callable[[str], None]) -> Series:
    names = [serving(host)]
    with load(f"{REDEPLOYS} redeploys") as traffic:
        picture.pause(picture.BEFORE)
        for number in range(REDEPLOYS):
            names.append(new_release())
            run = PLAYBOOKS.ship()
            say(f"redeploy {number + 1} under load: {run.seconds:.1f} s")
    # The first switch has as much before and after it as the picture shows.
    picture.record("redeploy", traffic, traffic.switches()[0])
    return Series(names, traffic)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_failed(series: Series, kind: str) -> None:
    records = series.traffic.of(kind)
    assert records
    assert Counter(record.why for record in records) == {"": len(records)}


def test_each_release_answered_in_its_turn(series: Series) -> None:
    assert series.traffic.releases() == series.names


def test_each_acknowledged_film_is_there_once(host: Target, series: Series) -> None:
    posts = series.traffic.of("post")
    acknowledged = {record.what for record in posts if not record.why}
    prefix = posts[0].what.split()[0]
    found = Counter(host.sql(f"SELECT title FROM movies_film WHERE title LIKE '{prefix} %'").splitlines())
    assert acknowledged
    assert acknowledged <= found.keys()
    assert set(found.values()) == {1}
    assert found.keys() <= {record.what for record in posts}


@pytest.mark.parametrize("kind", ["slow", "stream"])
def test_the_old_release_ended_its_slow_answers(series: Series, kind: str) -> None:
    moments = zip(series.names, series.traffic.switches(), strict=False)
    for old, moment in moments:
        assert [record for record in series.traffic.spanning(kind, moment) if record.release == old], old


def test_uploads_were_under_way_at_each_switch(series: Series) -> None:
    for moment in series.traffic.switches():
        assert series.traffic.spanning("upload", moment)


def test_static_files_of_both_releases_were_there(series: Series) -> None:
    asked = series.traffic.of("static")
    moments = [*series.traffic.switches(), math.inf]
    for (old, new), (moment, following) in zip(
        itertools.pairwise(series.names), itertools.pairwise(moments), strict=True
    ):
        after = {record.what for record in asked if moment < record.start < following and not record.why}
        assert {release.static_path(old), release.static_path(new)} <= after


def test_one_container_is_left_with_nothing_to_do(host: Target, series: Series) -> None:
    assert_at_rest(host, series.names[-1])
