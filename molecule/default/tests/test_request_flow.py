"""The way of a request, as a client of the host sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from pictures import png
from targets import FILM, PORT, STYLE, Target
from waiting import wait_until

POSTER = png(rows=bytes([0, 200]))


@pytest.fixture
def poster(target: Target) -> Iterator[str]:
    """Give a film a poster; return the path of its address."""
    answer = target.give_poster(FILM, POSTER)
    assert answer.status == 200, answer.text
    yield urlsplit(answer.json["poster"]).path
    assert target.change(FILM, poster=None).status == 200


def test_a_film_is_json_at_once(target: Target) -> None:
    answer = target.request(FILM)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["id"] == 1
    assert answer.json["title"]


def test_nginx_is_whom_the_client_meets(target: Target) -> None:
    assert target.request(FILM).headers["server"].startswith("nginx")


def test_links_to_further_pages_keep_the_port(target: Target) -> None:
    link = target.request("/api/movies").json["next"]
    assert link.startswith(f"http://{target.address}:{PORT}/api/movies?")
    following = urlsplit(link)
    answer = target.request(f"{following.path}?{following.query}")
    assert answer.status == 200
    assert answer.json["results"]


def test_the_login_page_has_its_styles(target: Target) -> None:
    page = target.request("/admin/login/")
    assert page.status == 200
    styles = re.findall(r'href="(/static/static/[^"]+\.css)"', page.text)
    assert styles
    assert styles == STYLE.findall(page.text), "one has no hash in its name"
    for path in styles:
        answer = target.request(path)
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/css")
        file = target.run(
            "docker exec %s cat %s", target.name_of("api"), path.replace("/static/static", "/vol/web/static")
        )
        assert answer.text.rstrip("\n") == file.rstrip("\n")


def test_a_poster_comes_back_byte_for_byte(target: Target, poster: str) -> None:
    assert poster.startswith("/static/media/")
    answer = target.request(poster)
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.body == POSTER


def test_nginx_serves_files_while_the_api_is_down(target: Target, poster: str) -> None:
    style = target.style()
    target.run("docker stop %s", target.name_of("api"))
    try:
        assert target.request(FILM).status in {502, 504}
        assert target.request(style).status == 200
        assert target.request(poster).body == POSTER
    finally:
        target.run("docker start %s", target.name_of("api"))
        wait_until("the stack is healthy", target.is_healthy)
    assert target.request(FILM).status == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic YWRtaW46d3Jvbmc="}], ids=["nobody", "wrong"]
)
def test_an_unknown_user_writes_nothing(target: Target, headers: dict[str, str]) -> None:
    before = target.request(FILM).json
    answer = target.request(FILM, "PATCH", b'{"title": "x"}', headers | {"Content-Type": "application/json"})
    assert answer.status in {401, 403}
    assert target.request(FILM).json == before


def test_the_admin_writes(target: Target) -> None:
    before = target.request(FILM).json["title"]
    for title in ("Another title", before):
        assert target.change(FILM, title=title).status == 200
        assert target.request(FILM).json["title"] == title


def test_health_is_asked_from_inside_alone(target: Target) -> None:
    assert target.request("/health/ready").status == 404
    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9000/health/ready').status)"
    assert target.run("docker exec %s python -c %s", target.name_of("api"), ask) == "200"
