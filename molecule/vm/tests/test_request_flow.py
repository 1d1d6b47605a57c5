"""Requests from outside, over the machine's own network interface."""

from __future__ import annotations

from conftest import request


def test_a_film_comes_as_json() -> None:
    answer = request("/api/movies/1")
    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert answer.json["id"] == 1


def test_the_admin_has_its_looks() -> None:
    answer = request("/static/static/admin/css/base.css")
    assert answer.status == 200
    assert answer.content_type == "text/css"


def test_what_does_not_exist_is_not_found() -> None:
    assert request("/api/movies/987654321").status == 404
    assert request("/api/nothing").status == 404
