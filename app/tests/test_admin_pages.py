"""The admin's pages, under a policy that lets a page use what comes from its own host and nothing else."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.test import Client

from movies.models import Film
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
