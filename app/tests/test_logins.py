"""Who may try a password, and how often: by address, by account, and from where the account is known."""

import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from api import logins
from api.logins import client_address, look
from api.models import Attempts, KnownAddress
from tests.conftest import MakeFilm
from tests.test_tokens import with_header, with_password

LIST = "/api/movies"
RIGHT = "of the tests"
LONG_AGO = "2000-01-01T00:00Z"

LogIn = Callable[..., int]


def by_api(address: str, name: str = "chief", password: str = "wrong") -> int:
    client = with_password(name, password)
    return client.get(LIST, headers={"x-forwarded-for": address}).status_code


def by_form(address: str, name: str = "chief", password: str = "wrong") -> int:
    form = {"username": name, "password": password}
    page = Client().post("/admin/login/", form, headers={"x-forwarded-for": address})
    if page.status_code == 302:
        return 200
    return 429 if "Too many logins have failed: wait " in page.text else 401


BOTH_WAYS = pytest.mark.parametrize("log_in", [by_api, by_form])


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.FAILED_LOGINS_PER_MINUTE = 3
    settings.ACCOUNT_FAILED_LOGINS_PER_MINUTE = 5


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_superuser("chief", password=RIGHT)


def guess_from_many_addresses(log_in: LogIn, name: str = "chief", times: int = 5) -> list[int]:
    return [log_in(f"198.51.100.{number}", name) for number in range(times)]


@pytest.mark.usefixtures("user", "collected_static")
@BOTH_WAYS
def test_who_guesses_has_to_wait(log_in: LogIn) -> None:
    assert [log_in("192.0.2.1") for _ in range(5)] == [401, 401, 401, 429, 429]

    # By either way, and with the right password, too.
    assert by_api("192.0.2.1") == by_form("192.0.2.1") == 429
    right = with_password("chief").get(LIST, headers={"x-forwarded-for": "192.0.2.1"})
    assert right.status_code == 429
    assert 0 < int(right["Retry-After"]) <= 60
    assert right["Content-Type"] == "application/problem+json"
    # Others need not, and who brings no password.
    assert by_api("192.0.2.2", password=RIGHT) == 200
    assert APIClient().get(LIST, headers={"x-forwarded-for": "192.0.2.1"}).status_code == 200

    Attempts.objects.update(ends_at=LONG_AGO)
    assert log_in("192.0.2.1") == 401
    assert [row.count for row in Attempts.objects.all()] == [1, 1]


@pytest.mark.usefixtures("user", "collected_static")
@BOTH_WAYS
def test_guesses_from_many_addresses_have_one_limit(log_in: LogIn) -> None:
    assert guess_from_many_addresses(log_in, times=7) == [401] * 5 + [429] * 2

    # By either way, and with the right password, too.
    assert by_api("192.0.2.1") == by_form("192.0.2.1") == 429
    right = with_password("chief").post("/api/tokens", headers={"x-forwarded-for": "192.0.2.1"})
    assert right.status_code == 429
    assert 0 < int(right["Retry-After"]) <= 60

    # What was refused has not made it longer.
    assert Attempts.objects.get(key__startswith="ACCOUNT_").count == 5
    Attempts.objects.update(ends_at=LONG_AGO)
    assert log_in("192.0.2.1", password=RIGHT) == 200


@pytest.mark.usefixtures("user", "collected_static")
@BOTH_WAYS
def test_others_do_not_keep_somebody_out_where_they_have_logged_in(log_in: LogIn) -> None:
    assert log_in("192.0.2.1", password=RIGHT) == 200
    assert guess_from_many_addresses(log_in, times=6) == [401] * 5 + [429]

    assert by_api("192.0.2.1", password=RIGHT) == by_form("192.0.2.1", password=RIGHT) == 200
    assert by_api("192.0.2.2", password=RIGHT) == by_form("192.0.2.2", password=RIGHT) == 429
    # There, the limit by address is the only one.
    assert [log_in("192.0.2.1") for _ in range(4)] == [401, 401, 401, 429]


@pytest.mark.usefixtures("user")
def test_an_address_is_known_for_the_account_that_logged_in() -> None:
    User.objects.create_user("guest", password=RIGHT)
    assert by_api("192.0.2.1", "guest", RIGHT) == 200
    guess_from_many_addresses(by_api)

    assert by_api("192.0.2.1", "guest", RIGHT) == 200
    assert by_api("192.0.2.1", "chief", RIGHT) == 429


@pytest.mark.usefixtures("user", "collected_static")
@BOTH_WAYS
def test_nothing_tells_who_exists(log_in: LogIn) -> None:
    answers = [guess_from_many_addresses(log_in, name, times=7) for name in ("chief", "nobody")]

    assert answers == [[401] * 5 + [429] * 2] * 2


@pytest.mark.usefixtures("user", "collected_static")
def test_a_name_that_means_the_same_is_the_same_account() -> None:
    # The form takes full-width letters for plain ones, and leaves out the spaces.
    wide = "\uff43\uff48\uff49\uff45\uff46"
    assert guess_from_many_addresses(by_form, f" {wide} ") == [401] * 5

    assert by_form("192.0.2.1", wide, RIGHT) == by_api("192.0.2.1", "chief", RIGHT) == 429
    assert by_api("192.0.2.1", "another") == 401


@pytest.mark.usefixtures("user", "collected_static")
def test_who_has_a_token_or_a_session_is_not_held_up(make_film: MakeFilm) -> None:
    elsewhere = {"x-forwarded-for": "192.0.2.2"}
    film = f"{LIST}/{make_film().pk}"
    token = with_password("chief").post("/api/tokens").json()["token"]
    session = Client()
    session.force_login(User.objects.get())
    guess_from_many_addresses(by_api)
    assert [by_api("192.0.2.2") for _ in range(2)] == [429, 429]

    written = with_header(f"Token {token}").patch(film, {"year": 1928}, format="json", headers=elsewhere)
    assert written.status_code == 200
    assert session.get("/admin/password_change/", headers=elsewhere).status_code == 200
    assert session.post("/api/tokens", headers=elsewhere).status_code == 201


@pytest.mark.usefixtures("user", "collected_static")
def test_an_address_is_not_known_before_the_password_was_right() -> None:
    User.objects.create_user("guest", password=RIGHT)

    assert by_api("192.0.2.1") == by_form("192.0.2.1") == 401
    # Nor is one that was not let in: no password, and nobody whom the admin's pages are for.
    assert by_form("192.0.2.1", password="") == 401
    assert by_form("192.0.2.1", "guest", RIGHT) == 401
    assert not KnownAddress.objects.exists()

    assert by_form("192.0.2.1", "chief", RIGHT) == 200
    assert KnownAddress.objects.get().address == "192.0.2.1"


@pytest.mark.usefixtures("user")
def test_a_good_login_costs_one_statement_and_is_remembered_once_a_day() -> None:
    def statements() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            assert by_api("192.0.2.1", password=RIGHT) == 200
        return [query["sql"].split()[0] for query in queries if "core_" in query["sql"]]

    assert statements() == ["SELECT", "INSERT", "DELETE"]
    first = KnownAddress.objects.get().ends_at
    assert [statements() for _ in range(3)] == [["SELECT"]] * 3
    assert not Attempts.objects.exists()

    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_knownaddress SET ends_at = ends_at - interval '1 day'")
    assert statements() == ["SELECT", "INSERT", "DELETE"]
    assert KnownAddress.objects.get().ends_at >= first


@pytest.mark.usefixtures("user")
def test_an_address_is_forgotten_that_is_not_used() -> None:
    by_api("192.0.2.1", password=RIGHT)
    guess_from_many_addresses(by_api)
    assert by_api("192.0.2.1", password=RIGHT) == 200

    KnownAddress.objects.update(ends_at=LONG_AGO)

    assert by_api("192.0.2.1", password=RIGHT) == 429


@pytest.mark.usefixtures("user")
def test_so_many_addresses_are_known_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "MOST_KNOWN", 3)
    User.objects.create_user("guest", password=RIGHT)
    User.objects.create_user("former", password=RIGHT)
    by_api("192.0.2.1", "former", RIGHT)
    KnownAddress.objects.update(ends_at=LONG_AGO)
    by_api("192.0.2.1", "guest", RIGHT)

    for number in range(1, 6):
        by_api(f"203.0.113.{number}", password=RIGHT)

    # The latest of this account, all of the other, and none that is over.
    assert sorted(KnownAddress.objects.values_list("address", flat=True)) == [
        "192.0.2.1",
        "203.0.113.3",
        "203.0.113.4",
        "203.0.113.5",
    ]


@pytest.mark.django_db(transaction=True)
def test_an_address_is_remembered_once_by_all_who_come_at_once() -> None:
    barrier = threading.Barrier(8)
    errors: list[Exception] = []

    def succeed(number: int) -> None:
        try:
            for account in ("chief", "guest"):
                request = RequestFactory().get("/", headers={"x-forwarded-for": f"192.0.2.{number % 2}"})
                attempt = look(request, account)
                barrier.wait()
                attempt.succeeded()
        except Exception as error:  # noqa: BLE001 -- shown below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=succeed, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert KnownAddress.objects.count() == 4


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("setting", "answers"),
    [
        ("FAILED_LOGINS_PER_MINUTE", [401] * 5 + [429] * 5),
        ("ACCOUNT_FAILED_LOGINS_PER_MINUTE", [401] * 3 + [429] * 7),
    ],
)
def test_zero_is_no_limit(settings: Settings, setting: str, answers: list[int]) -> None:
    setattr(settings, setting, 0)
    assert [by_api("192.0.2.1") for _ in range(10)] == answers

    # Nor one that was reached before.
    settings.FAILED_LOGINS_PER_MINUTE = settings.ACCOUNT_FAILED_LOGINS_PER_MINUTE = 0
    assert {by_api("192.0.2.1") for _ in range(10)} == {401}
    assert by_api("192.0.2.1", password=RIGHT) == 200
    assert Attempts.objects.count() == 1
    assert not KnownAddress.objects.exists()


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
def test_known_addresses_outlive_a_crash_of_the_database() -> None:
    """Or an attack that is under way would keep everybody out afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'core_knownaddress'")
        assert cursor.fetchone() == ("p",)
