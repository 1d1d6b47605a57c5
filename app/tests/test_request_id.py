import logging

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from core.request_id import RequestIdFilter

ID = "0123456789abcdef" * 2


def fail(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("on purpose")


urlpatterns = [path("fail", fail)]
handler500 = "core.problems.server_error"


class Lines(logging.Handler):
    """Keeps the id of each line, as the handler of the settings would write it."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(RequestIdFilter())
        self.found: list[tuple[str, bool]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append((getattr(record, "request_id", ""), record.exc_info is not None))


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    handler = Lines()
    monkeypatch.setattr(logging.getLogger("django"), "handlers", [handler])
    return handler


@pytest.mark.parametrize(("headers", "said"), [({"x-request-id": ID}, ID), ({}, "-")])
@pytest.mark.parametrize(("path", "status", "traceback"), [("/nothing", 404, False), ("/fail", 500, True)])
def test_log_lines_have_the_id(
    settings: Settings,
    lines: Lines,
    headers: dict[str, str],
    said: str,
    path: str,
    status: int,
    traceback: bool,
) -> None:
    settings.ROOT_URLCONF = __name__
    client = Client(raise_request_exception=False, headers=headers)

    assert client.get(path).status_code == status
    assert lines.found == [(said, traceback)]


def test_no_line_has_the_id_of_a_request_before(settings: Settings, lines: Lines) -> None:
    settings.ROOT_URLCONF = __name__
    Client(headers={"x-request-id": ID}).get("/nothing")
    logging.getLogger("django").warning("something else")

    assert [said for said, _ in lines.found] == [ID, "-"]


def test_the_settings_write_it(settings: Settings) -> None:
    assert "{request_id}" in settings.LOGGING["formatters"]["line"]["format"]
    assert settings.LOGGING["handlers"]["stderr"]["filters"] == ["request_id"]
