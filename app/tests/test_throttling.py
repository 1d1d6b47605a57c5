"""Limits, as those notice them who are over them."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from api.models import Attempts
from api.throttling import TOKENS
from tests.conftest import MakeFilm
from tests.test_tokens import with_password


@pytest.mark.django_db
def test_tokens_have_a_limit(settings: Settings) -> None:
    settings.TOKENS_PER_MINUTE = 3
    User.objects.create_user("chief", password="of the tests")

    answers = [with_password("chief").post("/api/tokens").status_code for _ in range(4)]

    assert answers == [201, 201, 201, 429]


def test_writes_have_one_if_it_is_set(editor: APIClient, make_film: MakeFilm, settings: Settings) -> None:
    address = f"/api/movies/{make_film().pk}"

    def write() -> int:
        return editor.patch(address, {"year": 2000}, format="json").status_code

    assert {write() for _ in range(10)} == {200}
    settings.WRITES_PER_MINUTE = 3
    assert [write() for _ in range(4)] == [200, 200, 200, 429]
    assert editor.get(address).status_code == 200


def test_reads_write_nothing(visitor: APIClient, make_film: MakeFilm, settings: Settings) -> None:
    settings.WRITES_PER_MINUTE = 3
    film = make_film()

    with CaptureQueriesContext(connection) as queries:
        for _ in range(5):
            assert visitor.get(f"/api/movies/{film.pk}").status_code == 200
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}
    assert len(queries) == 5


@pytest.mark.django_db(transaction=True)
def test_all_are_counted_that_come_at_once(settings: Settings) -> None:
    settings.TOKENS_PER_MINUTE = 20
    barrier = threading.Barrier(8)
    waits: list[int] = []

    def count() -> None:
        barrier.wait()
        waits.extend(TOKENS.count("someone") for _ in range(5))
        connection.close()

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(seconds == 0 for seconds in waits) == 20
    assert Attempts.objects.get().count == 40


@pytest.mark.django_db
def test_what_is_over_is_forgotten() -> None:
    for number in range(5):
        TOKENS.count(str(number))
    Attempts.objects.filter(key__endswith="0").update(ends_at="2000-01-01T00:00Z")

    TOKENS.count("new")

    assert sorted(row.key[-1] for row in Attempts.objects.all()) == ["1", "2", "3", "4", "w"]


@pytest.mark.django_db
def test_the_table_is_not_worth_a_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'core_attempts'")
        assert cursor.fetchone() == ("u",)
