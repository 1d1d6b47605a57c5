import json

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from movies.models import Credit, Film, Genre, Person
from tests.conftest import MakeFilm

NEW = {"title": "Alien", "year": 1979, "genres": ["Horror"], "rating": 8.5}


@pytest.mark.parametrize("slash", ["", "/"])
def test_detail_answers_at_once(visitor: APIClient, make_film: MakeFilm, slash: str) -> None:
    film = make_film("Science fiction", "Drama")

    answer = visitor.get(f"/api/movies/{film.pk}{slash}")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    assert body.pop("created_at")
    assert body.pop("updated_at")
    assert body == {
        "id": film.pk,
        "external_id": None,
        "title": "Metropolis",
        "year": 1927,
        "genres": ["Drama", "Science fiction"],
        "directors": [],
        "cast": [],
        "rating": 8.3,
        "poster": None,
    }


@pytest.mark.parametrize("number", ["0", "9" * 30])
def test_unknown_film(visitor: APIClient, make_film: MakeFilm, number: str) -> None:
    film = make_film()

    assert visitor.get(f"/api/movies/{film.pk}").status_code == 200
    answer = visitor.get(f"/api/movies/{number}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("slash", ["", "/"])
def test_list_leads_through_all_films(visitor: APIClient, make_film: MakeFilm, slash: str) -> None:
    films = [make_film(title=f"Film {number}") for number in range(45)]

    seen, page = [], f"/api/movies{slash}"
    while page:
        answer = visitor.get(page)
        assert answer.status_code == 200
        seen += [film["id"] for film in answer.json()["results"]]
        page = answer.json()["next"]

    assert seen == [film.pk for film in films]


def test_links_are_those_of_the_client(visitor: APIClient, make_film: MakeFilm) -> None:
    for number in range(21):
        make_film(title=f"Film {number}")

    plain = visitor.get("/api/movies", headers={"host": "testserver:8080"})
    tls = visitor.get("/api/movies", headers={"host": "testserver", "x-forwarded-proto": "https"})

    assert plain.json()["next"].startswith("http://testserver:8080/api/movies?")
    assert tls.json()["next"].startswith("https://testserver/api/movies?")


def test_a_film_is_written_with_its_people_or_not_at_all(
    editor: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("on purpose")

    person = Person.objects.create(name="Ridley Scott")
    new = NEW | {"genres": [], "directors": [{"id": person.pk}]}
    with monkeypatch.context() as patched:
        patched.setattr(Credit.objects, "bulk_create", fail)
        with pytest.raises(RuntimeError):
            editor.post("/api/movies", new, format="json")

    assert not Film.objects.exists()
    assert editor.post("/api/movies", new, format="json").status_code == 201
    assert Film.objects.get().people.get() == person


@pytest.mark.parametrize("films", [0, 1, 10])
def test_list_queries(
    visitor: APIClient, make_film: MakeFilm, django_assert_num_queries: DjangoAssertNumQueries, films: int
) -> None:
    for number in range(films):
        credit(make_film("Drama", "War", title=f"Film {number}"), "A", "B")

    with django_assert_num_queries(1):
        answer = visitor.get("/api/movies")
    assert len(answer.json()["results"]) == films


@pytest.mark.parametrize("many", [1, 4])
def test_detail_queries(
    visitor: APIClient, make_film: MakeFilm, django_assert_num_queries: DjangoAssertNumQueries, many: int
) -> None:
    names = [f"Name {number}" for number in range(many)]
    film = make_film(*names)
    credit(film, *names)

    with django_assert_num_queries(1):
        answer = visitor.get(f"/api/movies/{film.pk}")
    assert len(answer.json()["genres"]) == len(answer.json()["cast"]) == many


def credit(film: Film, *names: str, role: Credit.Role = Credit.Role.CAST) -> list[Person]:
    people = Person.objects.bulk_create(Person(name=name) for name in names)
    Credit.objects.bulk_create(
        Credit(film=film, person=person, role=role, position=position)
        for position, person in enumerate(people)
    )
    return people


def test_directors_and_cast_are_written_by_id_and_keep_their_order(editor: APIClient) -> None:
    first, second, third = Person.objects.bulk_create(Person(name=name) for name in "CBA")
    film = NEW | {
        "genres": [],
        "directors": [{"id": first.pk}],
        "cast": [{"id": third.pk}, {"id": second.pk}],
    }

    answer = editor.post("/api/movies", film, format="json")

    assert answer.status_code == 201
    address = answer["Location"]
    assert answer.json()["directors"] == [{"id": first.pk, "name": "C"}]
    assert answer.json()["cast"] == [{"id": third.pk, "name": "A"}, {"id": second.pk, "name": "B"}]
    # What is not said stays; what is read can be sent back.
    assert editor.patch(address, {"year": 1980}, format="json").json()["cast"] == answer.json()["cast"]
    turned = editor.patch(address, {"cast": answer.json()["cast"][::-1]}, format="json")
    assert [person["name"] for person in turned.json()["cast"]] == ["B", "A"]
    assert editor.patch(address, {"directors": []}, format="json").json()["directors"] == []


@pytest.mark.parametrize(
    ("cast", "error"),
    [([0, 0], "Somebody is there twice."), ([0, 1], "There is no person "), ([0], None)],
)
def test_credits_of_nobody(editor: APIClient, cast: list[int], error: str | None) -> None:
    known = Person.objects.create(name="Someone").pk
    people = [{"id": known + offset} for offset in cast]

    answer = editor.post("/api/movies", NEW | {"genres": [], "cast": people}, format="json")

    assert answer.status_code == (400 if error else 201)
    if error:
        [said] = answer.json()["errors"]
        assert said["pointer"] == "#/cast"
        assert said["detail"].startswith(error)


def test_external_id_is_unique(editor: APIClient, make_film: MakeFilm) -> None:
    make_film()
    make_film()
    film = NEW | {"genres": [], "external_id": "tt0078748"}

    assert editor.post("/api/movies", film, format="json").status_code == 201
    again = editor.post("/api/movies", film, format="json")
    assert (again.status_code, again.json()["errors"][0]["pointer"]) == (400, "#/external_id")
    for wrong in ("", "tt1", "nm0078748", "tt0078748\n\n"):
        assert editor.post("/api/movies", film | {"external_id": wrong}, format="json").status_code == 400


def test_editor_creates_changes_and_deletes(editor: APIClient) -> None:
    Genre.objects.bulk_create([Genre(name="Horror"), Genre(name="Drama")])

    created = editor.post("/api/movies", NEW, format="json")
    assert created.status_code == 201
    address = f"/api/movies/{created.json()['id']}"
    assert editor.get(address).json() == created.json()
    assert NEW.items() <= created.json().items()

    changed = editor.patch(address, {"rating": 9, "genres": ["Drama"]}, format="json")
    assert changed.status_code == 200
    assert (changed.json()["rating"], changed.json()["genres"]) == (9.0, ["Drama"])

    replaced = editor.put(address, NEW | {"title": "Aliens"}, format="json")
    assert replaced.status_code == 200
    assert (replaced.json()["title"], replaced.json()["genres"]) == ("Aliens", ["Horror"])

    assert editor.delete(address).status_code == 204
    assert editor.get(address).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_writing_takes_a_permission(editor: APIClient, make_film: MakeFilm, method: str) -> None:
    film = make_film("Horror")
    address = "/api/movies" if method == "post" else f"/api/movies/{film.pk}"
    reader = APIClient()
    reader.force_authenticate(User.objects.create_user("reader"))

    anonymous = getattr(APIClient(), method)(address, NEW, format="json")
    assert (anonymous.status_code, anonymous["WWW-Authenticate"]) == (401, 'Basic realm="api"')
    assert getattr(reader, method)(address, NEW, format="json").status_code == 403
    assert Film.objects.get().title == "Metropolis"

    assert reader.get(f"/api/movies/{film.pk}").status_code == 200
    assert getattr(editor, method)(address, NEW, format="json").status_code in {200, 201, 204}


def test_basic_and_session_authentication(make_film: MakeFilm) -> None:
    User.objects.create_superuser("admin", password="of the tests")
    address = f"/api/movies/{make_film().pk}"
    basic, wrong, session = APIClient(), APIClient(), APIClient(enforce_csrf_checks=True)
    basic.credentials(HTTP_AUTHORIZATION="Basic YWRtaW46b2YgdGhlIHRlc3Rz")
    wrong.credentials(HTTP_AUTHORIZATION="Basic YWRtaW46c29tZXRoaW5n")
    session.login(username="admin", password="of the tests")

    assert basic.patch(address, {"year": 1928}, format="json").status_code == 200
    assert wrong.patch(address, {"year": 1929}, format="json").status_code == 401
    # A page of someone else's could make a logged-in browser send this.
    assert session.patch(address, {"year": 1930}, format="json").status_code == 403
    token = "t" * 32
    session.cookies["csrftoken"] = token
    answer = session.patch(address, {"year": 1931}, format="json", headers={"x-csrftoken": token})
    assert answer.status_code == 200
    assert Film.objects.get().year == 1931


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("rating", 10.1, "less than or equal to 10"),
        ("rating", -0.1, "greater than or equal to 0"),
        ("rating", "good", "valid number"),
        ("year", 1887, "greater than or equal to 1888"),
        ("year", 2101, "less than or equal to 2100"),
        ("genres", ["Horror", "Nonsense"], "There is no genre Nonsense."),
        ("genres", ["Horror"] * 51, "no more than 50 elements"),
        # Said once, and not of each.
        ("genres", [1] * 51, "no more than 50 elements"),
        ("cast", [1] * 501, "no more than 500 elements"),
        ("title", "", "may not be blank"),
        ("title", "x" * 201, "no more than 200 characters"),
    ],
)
def test_bad_values_are_named(editor: APIClient, field: str, value: object, error: str) -> None:
    Genre.objects.create(name="Horror")

    answer = editor.post("/api/movies", NEW | {field: value}, format="json")

    assert answer.status_code == 400
    [said] = answer.json()["errors"]
    assert said["pointer"] == f"#/{field}"
    assert error in said["detail"]
    assert not Film.objects.exists()
    assert editor.post("/api/movies", NEW, format="json").status_code == 201


@pytest.mark.parametrize("rating", ["0", "10"])
def test_database_takes_the_limits(make_film: MakeFilm, rating: str) -> None:
    make_film(rating=rating)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"rating": "10.1"}, "rating"),
        ({"rating": "-0.1"}, "rating"),
        ({"year": 1887}, "year"),
        ({"year": 2101}, "year"),
    ],
)
def test_database_guards_itself(make_film: MakeFilm, change: dict[str, str | int], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=f"film_{constraint}_in_range"):
        make_film(**change)


@pytest.mark.parametrize("body", ["{", "[" * 100_000])
def test_unreadable_json(editor: APIClient, body: str) -> None:
    answer = editor.post("/api/movies", body, content_type="application/json")

    assert answer.status_code == 400
    assert "JSON parse error" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        ({"external_id": ""}, "#/external_id"),
        ({"cast": '{"id": 1}'}, "#/cast"),
        ({"title": ""}, "#/title"),
        ({}, None),
    ],
)
def test_forms_are_read_as_strictly(editor: APIClient, form: dict[str, str], pointer: str | None) -> None:
    film = {"title": "Alien", "year": 1979, "rating": "8.5"}

    answer = editor.post("/api/movies", film | form, format="multipart")

    if pointer is None:
        assert answer.status_code == 201
    else:
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("body_format", ["json", "multipart"])
def test_genres_that_are_not_sent_stay(editor: APIClient, make_film: MakeFilm, body_format: str) -> None:
    address = f"/api/movies/{make_film('Drama').pk}"
    film = {"title": "Alien", "year": 1979, "rating": "8.5"}

    assert editor.put(address, film, format=body_format).json()["genres"] == ["Drama"]
    assert editor.put(address, film | {"genres": []}, format="json").json()["genres"] == []


def test_genres_are_looked_up_at_once(editor: APIClient, make_film: MakeFilm) -> None:
    names = [f"Genre {number}" for number in range(50)]
    address = f"/api/movies/{make_film(*names).pk}"

    with CaptureQueriesContext(connection) as queries:
        answer = editor.patch(address, {"genres": names}, format="json")

    assert answer.json()["genres"] == sorted(names)
    assert len(queries) < 20


@pytest.mark.parametrize("title", [1979, True, None, ["Alien"], "A\0", "A\ud800"])
def test_what_is_no_text(editor: APIClient, title: object) -> None:
    body = json.dumps({"title": title, "year": 1979, "rating": 8.5})

    assert editor.post("/api/movies", body, content_type="application/json").status_code == 400
