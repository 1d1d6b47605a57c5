"""Errors have one shape, whoever makes them."""

from contextlib import closing
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from pytest_django import Settings
from rest_framework.test import APIClient

from config.urls import handler400, handler403, handler404, handler500
from movies import services
from movies.models import Credit, Film, Genre, Person
from tests.conftest import MakeFilm

ID = "0123456789abcdef" * 2


def fail(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a secret")


__all__ = ["handler400", "handler403", "handler404", "handler500"]

urlpatterns = [path("fail", fail), path("", include("config.urls"))]

JSON = "application/json"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "method", "address", "options"),
    [
        (400, "post", "/api/movies", {"data": "{", "content_type": JSON}),
        (400, "post", "/api/movies", {"data": "[]", "content_type": JSON}),
        (400, "get", "/api/movies?x=1", {}),
        (400, "get", "/api/movies", {"headers": {"host": "elsewhere"}}),
        (404, "get", "/api/movies/0", {}),
        (404, "get", "/api/nothing", {}),
        (404, "get", "/nothing", {}),
        (405, "delete", "/api/movies", {}),
        (406, "get", "/api/movies", {"headers": {"accept": "text/html"}}),
        (415, "post", "/api/movies", {"data": "x", "content_type": "text/plain"}),
        (500, "get", "/fail", {}),
    ],
)
def test_shape(
    settings: Settings, editor: APIClient, status: int, method: str, address: str, options: dict[str, Any]
) -> None:
    settings.ROOT_URLCONF = __name__
    editor.raise_request_exception = False
    headers = {"x-request-id": ID} | options.pop("headers", {})

    answer = getattr(editor, method)(address, headers=headers, **options)

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    body = answer.json()
    assert body.keys() - {"errors"} == {"type", "title", "status", "detail", "request_id"}
    assert (body["type"], body["status"], body["request_id"]) == ("about:blank", status, ID)
    assert body["detail"]
    assert "secret" not in answer.text


@pytest.mark.parametrize("address", ["/api/schema", "/api/docs", "/favicon.ico"])
@pytest.mark.parametrize("method", ["options", "post", "put"])
def test_what_is_only_read(address: str, method: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(address)

    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
    assert (answer["Allow"], answer.json()["status"]) == ("GET, HEAD", 405)


def test_who_may_not_write(make_film: MakeFilm) -> None:
    address = f"/api/movies/{make_film().pk}"
    reader = APIClient()
    reader.force_authenticate(User.objects.create_user("reader"))

    for client, status in ((APIClient(), 401), (reader, 403)):
        answer = client.delete(address)
        assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
        assert answer.json()["status"] == status


@pytest.mark.django_db
def test_form_of_another_site() -> None:
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "x"})

    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert answer.json()["detail"].startswith("The form has to come from a page of ours")


@pytest.mark.parametrize(("method", "missing"), [("post", {"#/rating": "required"}), ("patch", {})])
def test_all_errors_are_named_at_once(
    editor: APIClient, make_film: MakeFilm, method: str, missing: dict[str, str]
) -> None:
    address = "/api/movies" if method == "post" else f"/api/movies/{make_film().pk}"
    film = {
        "title": "x",
        "year": "soon",
        "directors": [{"name": "x"}],
        "cast": [{"id": 1}, {"id": "x"}, {}],
    }

    answer = getattr(editor, method)(address, film, format="json")

    errors = {error["pointer"]: error["code"] for error in answer.json()["errors"]}
    assert errors == missing | {
        "#/year": "invalid",
        "#/directors/0/id": "required",
        "#/cast/1/id": "invalid",
        "#/cast/2/id": "required",
    }


def test_somebody_who_is_in_a_film_stays(editor: APIClient, make_film: MakeFilm) -> None:
    person = Person.objects.create(name="Fritz Lang")
    credit = Credit.objects.create(film=make_film(), person=person, role="director", position=1)
    User.objects.get().user_permissions.add(Permission.objects.get(codename="delete_person"))
    editor.force_authenticate(User.objects.get())

    assert editor.delete(f"/api/people/{person.pk}").status_code == 409
    credit.delete()
    assert editor.delete(f"/api/people/{person.pk}").status_code == 204


def test_what_passes_the_check_and_not_the_database(
    editor: APIClient, make_film: MakeFilm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when two write the same at once."""
    Film.objects.filter(pk=make_film().pk).update(external_id="tt0000001")
    film = {"title": "x", "year": 2000, "rating": 1, "external_id": "tt0000001"}
    monkeypatch.setattr("rest_framework.validators.qs_exists", lambda _queryset: False)

    answer = editor.post("/api/movies", film, format="json")

    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["movies_person", "movies_genre"])
def test_what_is_deleted_while_a_film_is_written(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    person, genre = Person.objects.create(name="Fritz Lang"), Genre.objects.create(name="Drama")
    film = {"title": "x", "year": 2000, "rating": 1, "cast": [{"id": person.pk}], "genres": [genre.name]}
    save = services.save_film

    def save_late(film: Film, **values: Any) -> Film:
        other = connection.copy()
        with closing(other), other.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table}")
        return save(film, **values)

    monkeypatch.setattr(services, "save_film", save_late)
    client = APIClient()
    client.force_authenticate(User.objects.create_superuser("chief"))

    answer = client.post("/api/movies", film, format="json")

    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert "has just been deleted" in answer.json()["detail"]
    assert not Film.objects.exists()
