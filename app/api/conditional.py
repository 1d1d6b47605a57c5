"""Conditional requests: not sending what a client has, and not writing over what it has not seen."""

import hashlib
from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response

from api.problems import PreconditionFailed


def etag_of(representation: dict[str, Any]) -> str:
    """From all that is shown: a genre's new name, for example, leaves no trace in the film's own row."""
    return f'"{hashlib.blake2b(repr(representation).encode(), digest_size=16).hexdigest()}"'


def respond(request: Request, representation: dict[str, Any], **options: Any) -> HttpResponse:
    """Answer a read or a write with what there is now; a read that finds nothing new, with 304."""
    etag = etag_of(representation)
    response: HttpResponse
    if request.method in {"GET", "HEAD"} and {"*", etag} & _tags(request, "If-None-Match"):
        response = HttpResponseNotModified()
    else:
        response = Response(representation, **options)
    response["ETag"] = etag
    return response


def is_conditional(request: Request) -> bool:
    return "If-Match" in request.headers or "If-None-Match" in request.headers


def check(request: Request, representation: dict[str, Any]) -> None:
    """Compare with what the client has seen; the caller holds the lock on it."""
    etag = etag_of(representation)
    if "If-Match" in request.headers and not {"*", etag} & _tags(request, "If-Match"):
        raise PreconditionFailed
    if {"*", etag} & _tags(request, "If-None-Match"):
        raise PreconditionFailed("It is there as If-None-Match names it.")


def _tags(request: Request, header: str) -> set[str]:
    # nginx calls a tag weak when it compresses the answer. It is still ours.
    return {tag.removeprefix("W/") for tag in parse_etags(request.headers.get(header, ""))}
