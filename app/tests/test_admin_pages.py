"""The admin's pages, under a policy that lets a page use what comes from its own host and nothing else."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from movies.models import MAX_CREDITS, Credit, Film, Person
from tests.conftest import MakeFilm


class Page(HTMLParser):
    """Notes all that the policy would not let a browser do."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forbidden: list[str] = []
        self.scripts = 0
        self.images: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        address = given.get("src") or (given.get("href", "") if tag == "link" else "")
        self.scripts += tag == "script"
        if tag == "img":
            self.images.append(given["src"])
        inline = tag == "style" or "style" in given or (tag == "script" and "src" not in given)
        handlers = [name for name in given if name.startswith("on")]
        elsewhere = address and (not address.startswith("/") or address.startswith("//"))
        if (inline and given.get("type") != "application/json") or handlers or elsewhere or tag == "base":
            self.forbidden.append(self.get_starttag_text() or tag)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "password_change/",
        "movies/",
        "movies/film/",
        "movies/film/?q=x",
        "movies/film/add/",
        "movies/film/{}/change/",
        "movies/film/{}/delete/",
        "movies/film/{}/history/",
        "movies/genre/",
        "movies/person/",
        "auth/user/add/",
    ],
)
def test_pages_bring_nothing_inline(
    admin_client: Client, collected_static: Path, make_film: MakeFilm, path: str
) -> None:
    answer = admin_client.get(f"/admin/{path.format(make_film('Drama').pk)}")

    assert answer.status_code == 200
    page = Page(answer.text)
    assert page.scripts
    assert page.forbidden == []


def test_film_shows_its_poster(admin_client: Client, collected_static: Path, make_film: MakeFilm) -> None:
    film = make_film(title="<i>Alien</i>")
    address = f"/admin/movies/film/{film.pk}/change/"
    before = Page(admin_client.get(address).text).images
    Film.objects.filter(pk=film.pk).update(poster="posters/'a'&\"b.png")

    page = admin_client.get(address)

    shown = Page(page.text)
    assert [image for image in shown.images if image not in before] == [
        "/static/media/posters/'a'%26%22b.png"
    ]
    assert shown.forbidden == []
    assert "<i>Alien</i>" not in page.text


def form_of(film: Film) -> dict[str, object]:
    """What a browser sends back, as it is."""
    rows: dict[str, object] = {}
    for number, credit in enumerate(film.credits.all()):
        values = {
            "id": credit.pk,
            "film": film.pk,
            "person": credit.person_id,
            "role": credit.role,
            "position": credit.position,
        }
        rows |= {f"credits-{number}-{name}": value for name, value in values.items()}
    count = film.credits.count()
    return {
        "title": film.title,
        "year": film.year,
        "rating": film.rating,
        "credits-TOTAL_FORMS": count,
        "credits-INITIAL_FORMS": count,
        **rows,
    }


def test_film_with_as_many_credits_as_there_may_be(admin_client: Client, make_film: MakeFilm) -> None:
    film = make_film()
    people = Person.objects.bulk_create(Person(name=f"Person {number}") for number in range(MAX_CREDITS))
    Credit.objects.bulk_create(
        Credit(film=film, person=person, role=role, position=position)
        for role in Credit.Role
        for position, person in enumerate(people, start=1)
    )

    answer = admin_client.post(
        f"/admin/movies/film/{film.pk}/change/", form_of(film) | {"title": "Alien", "credits-7-position": 999}
    )

    assert answer.status_code == 302
    assert Film.objects.get().title == "Alien"
    assert film.credits.filter(position=999).count() == 1


@pytest.mark.parametrize(
    ("changes", "credited"),
    [
        ({"1-person": "B", "2-person": "A"}, ["cast A", "director B", "director A"]),
        ({"1-person": "B", "2-DELETE": "on"}, ["cast A", "director B"]),
        ({"1-person": "B", "2-person": "C"}, ["cast A", "director B", "director C"]),
        ({"0-role": "director", "1-role": "cast", "1-position": 9}, ["cast A", "director A", "director B"]),
    ],
    ids=["swap", "move up", "move down", "roles"],
)
def test_credits_take_each_others_places(
    admin_client: Client, make_film: MakeFilm, changes: dict[str, object], credited: list[str]
) -> None:
    film = make_film()
    people = {name: Person.objects.create(name=name) for name in "ABC"}
    for role, name, position in (("cast", "A", 1), ("director", "A", 1), ("director", "B", 2)):
        Credit.objects.create(film=film, person=people[name], role=role, position=position)
    form = form_of(film) | {
        f"credits-{field}": people[str(value)].pk if field.endswith("person") else value
        for field, value in changes.items()
    }

    assert admin_client.post(f"/admin/movies/film/{film.pk}/change/", form).status_code == 302

    assert [f"{credit.role} {credit.person}" for credit in film.credits.all()] == credited


def test_film_is_locked_before_its_form_is_written(admin_client: Client, make_film: MakeFilm) -> None:
    film = make_film()
    address = f"/admin/movies/film/{film.pk}/change/"

    with CaptureQueriesContext(connection) as queries:
        assert admin_client.post(address, form_of(film)).status_code == 302

    first = next(query["sql"] for query in queries if 'FROM "movies_film"' in query["sql"])
    assert first.endswith("FOR UPDATE")


def test_login_page_brings_nothing_inline(client: Client, db: None, collected_static: Path) -> None:
    assert Page(client.get("/admin/login/").text).forbidden == []


@pytest.mark.parametrize(
    "text",
    [
        "<script>1</script>",
        "<style>a {}</style>",
        '<p style="color: red">',
        '<a onclick="x()">',
        '<script src="https://elsewhere/x.js"></script>',
        '<base href="/">',
    ],
)
def test_others_would_be_noticed(text: str) -> None:
    assert Page(text).forbidden
