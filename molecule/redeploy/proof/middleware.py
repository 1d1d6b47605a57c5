"""Tells with each answer which release gave it, and where that release has its static file."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse

NAME = "proof/release.txt"
RELEASE = (Path(__file__).parent / "static" / NAME).read_text().strip()


@cache
def static_path() -> str:
    return str(staticfiles_storage.url(NAME))


def say_release(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["X-Release"] = RELEASE
        response["X-Static"] = static_path()
        return response

    return middleware
