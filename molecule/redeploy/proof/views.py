"""Answers that take their time."""

import time
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse


def slow(request: HttpRequest) -> HttpResponse:
    """Answer all at once, after a while."""
    time.sleep(int(request.GET["seconds"]))
    return HttpResponse("slow\n", content_type="text/plain")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Answer with a line each second."""

    def lines() -> Iterator[bytes]:
        for number in range(int(request.GET["seconds"])):
            time.sleep(1)
            yield f"{number}\n".encode()

    return StreamingHttpResponse(lines(), content_type="text/plain")
