import json
import logging
from io import StringIO
from urllib.parse import quote

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from runtime.logs import JsonFormatter

ID = "0123456789abcdef" * 2


def fail(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("on purpose")


urlpatterns = [path("fail", fail)]
handler500 = "api.error_views.server_error"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What Django's logger writes, in the format of the settings."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    monkeypatch.setattr(logging.getLogger("django"), "handlers", [handler])
    return stream


def parsed(lines: StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


@pytest.mark.parametrize(("headers", "said"), [({"x-request-id": ID}, ID), ({}, "-")])
@pytest.mark.parametrize(("path", "status", "traceback"), [("/nothing", 404, False), ("/fail", 500, True)])
def test_log_lines_have_the_id(
    settings: Settings,
    lines: StringIO,
    headers: dict[str, str],
    said: str,
    path: str,
    status: int,
    traceback: bool,
) -> None:
    settings.ROOT_URLCONF = __name__
    client = Client(raise_request_exception=False, headers=headers)

    assert client.get(path).status_code == status
    [line] = parsed(lines)
    assert line["request_id"] == said
    assert ("RuntimeError: on purpose" in line.get("exception", "")) == traceback
    assert line.keys() - {"exception"} == {"time", "level", "logger", "request_id", "message"}


def test_no_line_has_the_id_of_a_request_before(settings: Settings, lines: StringIO) -> None:
    settings.ROOT_URLCONF = __name__
    Client(headers={"x-request-id": ID}).get("/nothing")
    logging.getLogger("django").warning("something else")

    assert [line["request_id"] for line in parsed(lines)] == [ID, "-"]


@pytest.mark.parametrize("path", ["/a\nb", "/a\u2028b", '/"', "/é"])
def test_one_line_each_whatever_is_asked_for(lines: StringIO, path: str) -> None:
    Client().get(quote(path))

    [line] = parsed(lines)
    assert line["message"].startswith("Not Found: /")


def test_the_settings_write_it(settings: Settings) -> None:
    assert settings.LOGGING["loggers"]["django"]["handlers"] == ["stderr"]
    assert settings.LOGGING["handlers"]["stderr"]["formatter"] == "json"
