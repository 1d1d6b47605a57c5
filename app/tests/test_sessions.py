"""A change of SECRET_KEY, as those notice it who are logged in."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

ADMIN = "/admin/password_change/done/"


@pytest.fixture
def cookie(admin_user: User, settings: Settings, collected_static: object) -> str:
    """The session of someone who has logged in with the former key; the key changes meanwhile."""
    client = Client()
    client.force_login(admin_user)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "today's", [settings.SECRET_KEY]
    return value


def ask(settings: Settings, cookie: str) -> tuple[int, bool]:
    """Whether a new client with that cookie is let in, and whether it is given another."""
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie
    answer = client.get(ADMIN)
    return answer.status_code, settings.SESSION_COOKIE_NAME in answer.cookies


def test_all_requests_that_bear_the_session_are_let_in(settings: Settings, cookie: str) -> None:
    assert [ask(settings, cookie) for _ in range(3)] == [(200, False)] * 3


def test_it_ends_with_its_key(settings: Settings, cookie: str) -> None:
    assert ask(settings, cookie) == (200, False)
    settings.SECRET_KEY_FALLBACKS = []
    assert ask(settings, cookie)[0] == 302


def test_it_ends_with_the_password(settings: Settings, cookie: str, admin_user: User) -> None:
    admin_user.set_password("another")
    admin_user.save()
    assert ask(settings, cookie)[0] == 302


def test_a_new_password_gives_the_session_another_name(settings: Settings, admin_user: User) -> None:
    """Who has stolen the name has nothing of it any more."""
    admin_user.set_password("before")
    admin_user.save()
    client = Client()
    client.force_login(admin_user)
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    new = {"old_password": "before", "new_password1": "quite-another-1", "new_password2": "quite-another-1"}

    assert client.post("/admin/password_change/", new).status_code == 302

    assert client.cookies[settings.SESSION_COOKIE_NAME].value != before
    assert ask(settings, before)[0] == 302
