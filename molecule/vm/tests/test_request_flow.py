"""Requests from outside, over the machine's own network interface."""

from __future__ import annotations

from targets import FILM, Target


def test_a_film_comes_as_json(target: Target) -> None:
    answer = target.request(FILM)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["id"] == 1


def test_the_admin_has_its_looks(target: Target) -> None:
    answer = target.request(target.style())
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/css")


def test_what_does_not_exist_is_not_found(target: Target) -> None:
    assert target.request("/api/movies/987654321").status == 404
    assert target.request("/api/nothing").status == 404
