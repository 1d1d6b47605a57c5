"""Limits, as those notice them who are over them."""

import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from api.models import Attempts
from api.throttling import FAILED_LOGINS, client_address
from tests.conftest import MakeFilm
from tests.test_tokens import with_password

LIST = "/api/movies"


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.FAILED_LOGINS_PER_MINUTE = settings.TOKENS_PER_MINUTE = 3


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_superuser("chief", password="of the tests")


def fail_by_api(address: str) -> int:
    client = with_password("chief", "wrong")
    return client.get(LIST, headers={"x-forwarded-for": address}).status_code


def fail_by_form(address: str) -> int:
    form = {"username": "chief", "password": "wrong"}
    page = Client().post("/admin/login/", form, headers={"x-forwarded-for": address})
    return 429 if "Too many logins have failed: wait " in page.text else 401


@pytest.mark.usefixtures("user", "collected_static")
@pytest.mark.parametrize("fail", [fail_by_api, fail_by_form])
def test_who_guesses_has_to_wait(fail: Callable[[str], int]) -> None:
    assert [fail("192.0.2.1") for _ in range(5)] == [401, 401, 401, 429, 429]

    # By either way, and with the right password, too.
    assert fail_by_api("192.0.2.1") == fail_by_form("192.0.2.1") == 429
    right = with_password("chief").get(LIST, headers={"x-forwarded-for": "192.0.2.1"})
    assert right.status_code == 429
    assert 0 < int(right["Retry-After"]) <= 60
    assert right["Content-Type"] == "application/problem+json"
    # Others need not, and who brings no password.
    assert with_password("chief").get(LIST, headers={"x-forwarded-for": "192.0.2.2"}).status_code == 200
    assert APIClient().get(LIST, headers={"x-forwarded-for": "192.0.2.1"}).status_code == 200

    Attempts.objects.update(ends_at="2000-01-01T00:00Z")
    assert fail("192.0.2.1") == 401
    assert Attempts.objects.get().count == 1


@pytest.mark.usefixtures("user")
def test_zero_is_no_limit(settings: Settings) -> None:
    settings.FAILED_LOGINS_PER_MINUTE = 0

    assert {fail_by_api("192.0.2.1") for _ in range(10)} == {401}
    assert not Attempts.objects.exists()


@pytest.mark.usefixtures("user")
def test_what_succeeds_is_not_counted() -> None:
    assert {with_password("chief").get(LIST).status_code for _ in range(10)} == {200}
    assert not Attempts.objects.exists()


@pytest.mark.usefixtures("user")
def test_tokens_have_a_limit() -> None:
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
    settings.FAILED_LOGINS_PER_MINUTE = 20
    barrier = threading.Barrier(8)
    waits: list[int] = []

    def count() -> None:
        barrier.wait()
        waits.extend(FAILED_LOGINS.count("someone") for _ in range(5))
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
        FAILED_LOGINS.count(str(number))
    Attempts.objects.filter(key__endswith="0").update(ends_at="2000-01-01T00:00Z")

    FAILED_LOGINS.count("new")

    assert sorted(row.key[-1] for row in Attempts.objects.all()) == ["1", "2", "3", "4", "w"]


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1:2:3", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
        ("", "127.0.0.1"),
        ("192.0.2.1, 192.0.2.2", "unknown"),
    ],
)
def test_address(said: str, address: str) -> None:
    request = RequestFactory().get("/", headers={"x-forwarded-for": said, "x-real-ip": "6.6.6.6"})

    assert client_address(request) == address


@pytest.mark.django_db
def test_the_table_is_not_worth_a_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'core_attempts'")
        assert cursor.fetchone() == ("u",)
