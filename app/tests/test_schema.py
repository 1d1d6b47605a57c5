"""The API's description, and that the API is as described."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase
from hypothesis import settings as examples
from knox.models import AuthToken
from pytest_django import Settings
from schemathesis.core.failures import FailureGroup

from config.wsgi import application
from movies.models import Credit, Film, Genre, Person
from movies.serializers import FilmSerializer
from tests.test_admin_pages import Page

DOCS = "/api/docs"
CHECKS: Any = schemathesis.checks.CHECKS
ANSWERS = schemathesis.openapi.from_wsgi("/api/schema", application, headers={"host": "testserver"})


def test_it_is_valid_and_nothing_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True)

    described = set(re.findall(r"^  (/\S+):$", capsys.readouterr().out, re.MULTILINE))
    assert described >= {"/api/movies", "/api/movies/{id}", "/api/genres", "/api/people", "/api/tokens"}


@pytest.mark.parametrize("slash", ["", "/"])
def test_it_is_served(client: Client, slash: str) -> None:
    answer = client.get(f"/api/schema{slash}")

    assert answer.status_code == 200
    assert answer.json()["info"]["title"] == "Film API"
    assert client.post("/api/schema").status_code == 405


def test_the_page_needs_nothing_but_its_own_host(client: Client, collected_static: Any) -> None:
    page = Page(client.get(DOCS).text)

    assert (page.forbidden, page.scripts) == ([], 2)
    paths = re.findall(r'(?:src|href)="/static/static/([^"]+)"', client.get(DOCS).text)
    assert len(paths) == 4
    for path in paths:
        assert re.search(r"\.[0-9a-f]{12}\.", path)
        assert (collected_static / path).stat().st_size > 0


def test_what_the_page_loads_writes_no_styles_and_no_code(collected_static: Any) -> None:
    bundle = (collected_static / "drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js").read_text()

    assert len(bundle) > 1_000_000
    assert 'createElement("style")' not in bundle
    # Where there is no globalThis, which every browser has.
    assert bundle.count("new Function(") == 1
    assert "eval(" not in bundle
    assert not (collected_static / "drf_spectacular_sidecar/redoc").exists()


def test_what_is_known_already(client: Client) -> None:
    answers = client.get("/api/schema").json()["paths"]["/api/movies/{id}"]["get"]["responses"]

    assert answers.keys() == {"200", "304", "default"}
    assert "content" not in answers["304"]
    assert all("ETag" in answers[status]["headers"] for status in ("200", "304"))


@pytest.fixture
def one_connection() -> Iterator[None]:
    """The test's own, whose transaction a new one would not see. Django's test client does the same."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def authorization(db: None, one_connection: None, settings: Settings) -> str:
    """One of each kind to find, and somebody who may do everything to it."""
    # Each that is refused tells something, also the hundredth.
    settings.FAILED_LOGINS_PER_MINUTE = settings.TOKENS_PER_MINUTE = 0
    settings.ACCOUNT_FAILED_LOGINS_PER_MINUTE = 0
    genre = Genre.objects.create(pk=1, name="Drama")
    person = Person.objects.create(pk=1, name="Fritz Lang")
    film = Film.objects.create(pk=1, title="Metropolis", year=1927, rating=8)
    film.genres.add(genre)
    Credit.objects.create(film=film, person=person, role=Credit.Role.DIRECTOR, position=1)
    user = User.objects.create_superuser("chief")
    return f"Token {AuthToken.objects.create(user)[1]}"


@ANSWERS.parametrize()
@examples(
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_it_answers_as_described(case: Any, authorization: str) -> None:
    # What is well-formed may still be refused: a cursor that is not ours, a name that is taken.
    excluded = ["positive_data_acceptance"]
    # A form has no types: what is wrong in the plan of a case may be right as it is sent.
    if case.media_type == "multipart/form-data":
        excluded.append("negative_data_rejection")
    case.call_and_validate(
        headers=headers(authorization), excluded_checks=[CHECKS.get_one(name) for name in excluded]
    )


def headers(authorization: str) -> dict[str, str]:
    return {"Authorization": authorization, "Host": "testserver"}


def test_an_answer_of_another_shape_would_be_noticed(
    authorization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = ANSWERS["/api/movies/{id}"]["GET"].Case(path_parameters={"id": "1"})
    case.call_and_validate(headers=headers(authorization))
    monkeypatch.setattr(FilmSerializer, "to_representation", lambda *_: {"id": "one"})

    with pytest.raises(FailureGroup):
        case.call_and_validate(headers=headers(authorization))
