"""Lists: what they can be asked for, and that their pages hold together."""

from typing import Any

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from movies.models import Credit, Film, Genre, Person
from movies.query_parameters import ORDERS
from tests.conftest import MakeFilm

LIST = "/api/movies"


def titles(client: APIClient, **query: Any) -> list[str]:
    answer = client.get(LIST, query)
    assert answer.status_code == 200, answer.text
    return [film["title"] for film in answer.json()["results"]]


def walk(client: APIClient, page: str | None, link: str) -> list[list[int]]:
    pages = []
    while page:
        answer = client.get(page).json()
        pages.append([film["id"] for film in answer["results"]])
        page = answer[link]
    return pages


@pytest.fixture
def three(make_film: MakeFilm) -> None:
    make_film("Drama", title="The Godfather", year=1972, rating="9.2")
    make_film("Drama", "War", title="Das Boot", year=1981, rating="8.4")
    actor = Person.objects.create(name="Harrison Ford", pk=7)
    film = make_film("Science fiction", title="Blade Runner", year=1982, rating="8.1")
    for role in Credit.Role:
        Credit.objects.create(film=film, person=actor, role=role, position=1)


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["The Godfather", "Das Boot", "Blade Runner"]),
        ({"year": 1981}, ["Das Boot"]),
        ({"year_min": 1981}, ["Das Boot", "Blade Runner"]),
        ({"year_min": 1981, "year_max": 1981}, ["Das Boot"]),
        ({"rating_min": "8.4"}, ["The Godfather", "Das Boot"]),
        ({"rating_max": 8.4}, ["Das Boot", "Blade Runner"]),
        ({"genre": "Drama"}, ["The Godfather", "Das Boot"]),
        ({"genre": ["Drama", "War"]}, ["Das Boot"]),
        ({"genre": ["War", "War"]}, ["Das Boot"]),
        ({"genre": ["Drama", "Science fiction"]}, []),
        ({"genre": "Nonsense"}, []),
        ({"genre": ["Drama", "Nonsense"]}, []),
        # Once, though credited twice.
        ({"person": 7}, ["Blade Runner"]),
        ({"person": 8}, []),
        ({"search": "boot das"}, ["Das Boot"]),
        ({"search": '"boot das"'}, []),
        # No stop word: it is a film's name in another language.
        ({"search": "the"}, ["The Godfather"]),
        ({"search": "godfather or boot"}, ["The Godfather", "Das Boot"]),
        ({"search": "' & | ! :* ("}, []),
        ({"ordering": "-year"}, ["Blade Runner", "Das Boot", "The Godfather"]),
        ({"ordering": "title"}, ["Blade Runner", "Das Boot", "The Godfather"]),
        ({"ordering": "rating", "genre": "Drama"}, ["Das Boot", "The Godfather"]),
        ({"ordering": "newest", "page_size": 1}, ["Blade Runner"]),
    ],
)
def test_filters(visitor: APIClient, query: dict[str, Any], found: list[str]) -> None:
    assert titles(visitor, **query) == found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "query", "parameter", "code"),
    [
        ("movies", "colour=red", "colour", "unknown"),
        ("movies", "Year=1999", "Year", "unknown"),
        ("movies", "format=xml", "format", "unknown"),
        ("movies", "year=soon", "year", "invalid"),
        ("movies", "year=", "year", "invalid"),
        ("movies", f"year={'9' * 30}", "year", "max_value"),
        ("movies", f"person={2**63}", "person", "max_value"),
        ("movies", "rating_min=NaN", "rating_min", "invalid"),
        ("movies", "search=%00", "search", "null_characters_not_allowed"),
        ("movies", "ordering=poster", "ordering", "invalid_choice"),
        ("movies", "page_size=101", "page_size", "max_value"),
        ("movies", "cursor=WzFd", "cursor", "invalid"),
        ("movies", "genre=a" + "&genre=a" * 10, "genre", "max_length"),
        ("movies/1", "fields=all", "fields", "unknown"),
        ("genres", "search=x", "search", "unknown"),
        ("people", "year=1999", "year", "unknown"),
    ],
)
def test_wrong_parameters_are_named(
    visitor: APIClient, path: str, query: str, parameter: str, code: str
) -> None:
    answer = visitor.get(f"/api/{path}?{query}")

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["parameter"], error["code"]) == (parameter, code)


@pytest.mark.parametrize("ordering", ORDERS)
def test_pages_hold_each_film_once_whatever_they_share(
    visitor: APIClient, make_film: MakeFilm, ordering: str
) -> None:
    for number in range(11):
        make_film(title="Same" if number % 3 else "Other", year=2000 + number % 2, rating=str(number // 6))
    wanted = list(Film.objects.order_by(*ORDERS[ordering]).values_list("pk", flat=True))

    pages = walk(visitor, f"{LIST}?page_size=3&ordering={ordering}", "next")

    assert [len(page) for page in pages] == [3, 3, 3, 2]
    assert [pk for page in pages for pk in page] == wanted
    # And back.
    last = f"{LIST}?page_size=3&ordering={ordering}"
    while following := visitor.get(last).json()["next"]:
        last = following
    assert walk(visitor, last, "previous")[::-1] == pages


def test_pages_stand_still_while_films_come_and_go(visitor: APIClient, make_film: MakeFilm) -> None:
    films = [make_film(year=2000) for _ in range(6)]
    wanted = [film.pk for film in reversed(films)]
    page = visitor.get(f"{LIST}?page_size=3&ordering=-year").json()
    make_film(year=2001)
    make_film(year=2000)
    films[-1].delete()

    following = visitor.get(page["next"]).json()

    assert [film["id"] for film in page["results"]] == wanted[:3]
    assert [film["id"] for film in following["results"]] == wanted[3:]


@pytest.mark.parametrize("ordering", ["oldest", "-year"])
def test_a_page_whose_films_are_gone_leads_back(
    visitor: APIClient, make_film: MakeFilm, ordering: str
) -> None:
    for number in range(6):
        make_film(year=2000 + number)
    wanted = list(Film.objects.order_by(*ORDERS[ordering]).values_list("pk", flat=True))
    first = visitor.get(f"{LIST}?page_size=2&ordering={ordering}").json()
    second = visitor.get(first["next"]).json()

    Film.objects.filter(pk__in=wanted[4:]).delete()
    last = visitor.get(second["next"]).json()
    assert (last["results"], last["next"]) == ([], None)
    assert walk(visitor, last["previous"], "previous") == [wanted[1:3], wanted[:1]]

    Film.objects.filter(pk__in=wanted[:2]).delete()
    before = visitor.get(second["previous"]).json()
    assert (before["results"], before["previous"]) == ([], None)
    assert walk(visitor, before["next"], "next") == [[wanted[3]]]


def test_the_longest_cursor(visitor: APIClient, make_film: MakeFilm) -> None:
    for _ in range(2):
        make_film(title="\U0001f3ac" * 200)

    page = visitor.get(f"{LIST}?page_size=1&ordering=title").json()

    assert len(walk(visitor, page["next"], "next")) == 1


@pytest.mark.parametrize("ordering", ["oldest", "title"])
@pytest.mark.django_db
def test_a_rare_genre_is_not_looked_for_in_all_films(visitor: APIClient, ordering: str) -> None:
    common, rare = Genre.objects.bulk_create(Genre(name=name) for name in ("Drama", "Western"))
    films = Film.objects.bulk_create(Film(title="x", year=2000, rating=1) for _ in range(3000))
    through = Film.genres.through
    through.objects.bulk_create(through(film=film, genre=common) for film in films)
    through.objects.create(film=films[-1], genre=rare)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE movies_film, movies_film_genres, movies_genre")

    with CaptureQueriesContext(connection) as queries:
        found = visitor.get(LIST, {"genre": "Western", "ordering": ordering}).json()["results"]

    assert [film["id"] for film in found] == [films[-1].pk]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {queries[-1]['sql']}")
        [(plans,)] = cursor.fetchall()
    assert films_read(plans[0]["Plan"]) < 10


def films_read(plan: dict[str, Any]) -> int:
    own = plan["Actual Rows"] * plan["Actual Loops"] if plan.get("Relation Name") == "movies_film" else 0
    return int(own) + sum(films_read(part) for part in plan.get("Plans", ()))


def test_cursors_belong_to_their_ordering(visitor: APIClient, make_film: MakeFilm) -> None:
    for _ in range(2):
        make_film()
    link = visitor.get(f"{LIST}?page_size=1&ordering=year").json()["next"]

    assert visitor.get(link).status_code == 200
    assert visitor.get(link.replace("ordering=year", "ordering=title")).status_code == 400


@pytest.mark.django_db
def test_cursors_cannot_be_made_up(visitor: APIClient) -> None:
    key = [["id"], False, [1]]

    for salt, status in (("core.pagination", 200), ("of another", 400)):
        cursor = signing.Signer(salt=salt).sign_object(key)
        assert visitor.get(LIST, {"cursor": cursor}).status_code == status


@pytest.mark.parametrize("ordering", ["year", "-rating", "title"])
def test_a_later_page_is_one_step_into_the_index(
    visitor: APIClient, make_film: MakeFilm, ordering: str
) -> None:
    for _ in range(2):
        make_film()
    link = visitor.get(f"{LIST}?page_size=1&ordering={ordering}").json()["next"]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        visitor.get(link)
    with connection.cursor() as cursor:
        # Two films would be read as they lie.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {queries[0]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert f"using film_by_{ordering.removeprefix('-')}" in plan
    assert "Index Cond: (ROW(" in plan


@pytest.mark.django_db
def test_genres_and_people(visitor: APIClient) -> None:
    Genre.objects.bulk_create(Genre(name=name) for name in ("War", "Drama"))
    person = Person.objects.create(name="Fritz Lang", external_id="nm0000485")
    Person.objects.create(name="Thea von Harbou")

    genres = visitor.get("/api/genres/").json()["results"]
    assert [genre["name"] for genre in genres] == ["Drama", "War"]
    found = visitor.get("/api/people?search=lang").json()["results"]
    assert found == [{"id": person.pk, "name": "Fritz Lang", "external_id": "nm0000485"}]
    assert visitor.get(f"/api/people/{person.pk}/").json() == found[0]
