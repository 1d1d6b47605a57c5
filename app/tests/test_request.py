"""Requests whose Content-Type makes no sense."""

from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.test import APIClient

from config.wsgi import application
from movies.models import Film
from runtime.request import Request

NO_TEXT = ["text/plain; charset=hex", "text/plain; charset=rot13", "text/plain; charset=idna"]
NO_TYPE = "text/plain; x*=nonsense''x"


# It needs no database, but looks at the connection that a test before has left.
@pytest.mark.django_db
@pytest.mark.parametrize("content_type", [*NO_TEXT, NO_TYPE])
def test_they_are_answered(content_type: str) -> None:
    statuses: list[str] = []
    start_response: Any = lambda status, _headers: statuses.append(status)  # noqa: E731
    environ = RequestFactory().get("/health/live?x=%C3%A4").environ | {"CONTENT_TYPE": content_type}

    application(environ, start_response)

    assert statuses == ["200 OK"]
    assert Request(environ).GET["x"] == "ä"


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "raw_unicode_escape"])
@pytest.mark.parametrize("name", ["%2B2AA-", "%5Cud800"])
def test_halves_of_characters(
    visitor: APIClient, monkeypatch: pytest.MonkeyPatch, charset: str, name: str
) -> None:
    # Django's test client has the name of its own class built in.
    monkeypatch.setattr("django.test.client.WSGIRequest", Request)

    for query in (f"{name}=1", f"ordering={name}"):
        answer = visitor.generic("GET", f"/api/movies?{query}", content_type=f"text/plain; charset={charset}")
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_a_charset_that_is_one_stays() -> None:
    environ = RequestFactory().get("/?x=%E4").environ | {"CONTENT_TYPE": "text/plain; charset=latin-1"}

    assert Request(environ).GET["x"] == "ä"


@pytest.mark.parametrize("query", ["", "?x=1"])
@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=b", "application/json"])
@pytest.mark.parametrize("parameter", ["charset=hex", "x*=nonsense''x"])
def test_their_bodies_are_not_guessed_at(
    editor: APIClient, monkeypatch: pytest.MonkeyPatch, query: str, content_type: str, parameter: str
) -> None:
    # Django's test client has the name of its own class built in.
    monkeypatch.setattr("django.test.client.WSGIRequest", Request)
    body = b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nx\r\n--b--\r\n'

    answer = editor.post(f"/api/movies{query}", body, content_type=f"{content_type}; {parameter}")

    assert (answer.status_code, answer["Content-Type"]) == (400 if query else 415, "application/problem+json")
    assert not Film.objects.exists()
