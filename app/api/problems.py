"""Errors of one shape, whoever makes them: problem details (RFC 9457)."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.db import IntegrityError
from django.db.models import ProtectedError
from rest_framework import exceptions, serializers, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from runtime.request_id import current_request_id

CONTENT_TYPE = "application/problem+json"
UNIQUE_VIOLATION = "23505"
FOREIGN_KEY_VIOLATION = "23503"


class Problem(serializers.Serializer[Any]):
    """What an error looks like, for the schema."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    request_id = serializers.CharField(help_text="Leads to the log lines of the request.")
    errors = serializers.ListField(  # type: ignore[assignment]  # as a name, it is free here
        child=serializers.DictField(child=serializers.CharField()),
        required=False,
        help_text="One for each wrong value: `pointer` into the body or name of the query `parameter`,"
        " `detail` and `code`.",
    )


class InvalidQuery(exceptions.ValidationError):
    """The query string is to blame, and not the body."""


class Conflict(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class PreconditionFailed(exceptions.APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "It has been changed meanwhile: get it anew, and decide again."
    default_code = "precondition_failed"


def problem(code: int, detail: str, **members: Any) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(code).phrase,
        "status": code,
        "detail": detail,
        "request_id": current_request_id(),
        **members,
    }


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's EXCEPTION_HANDLER."""
    if isinstance(error, ProtectedError):
        error = Conflict("It is in use: take it out of what refers to it first.")
    # Of two who write at once, both pass the check before. References are checked at the commit.
    if isinstance(error, IntegrityError):
        code = getattr(error.__cause__, "pgcode", "")
        if code == UNIQUE_VIOLATION:
            error = Conflict("Another with the same unique value has just been written.")
        elif code == FOREIGN_KEY_VIOLATION:
            error = Conflict("What it refers to has just been deleted by another, or the other way round.")
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        place = _parameter if isinstance(error, InvalidQuery) else _pointer
        errors = [
            {**place(path), "detail": str(detail), "code": detail.code}
            for path, detail in _flat(error.detail)
        ]
        response.data = problem(response.status_code, "Some values are not valid: see errors.", errors=errors)
    else:
        response.data = problem(response.status_code, str(response.data["detail"]))
    response.content_type = CONTENT_TYPE
    return response


def _flat(
    detail: Any, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], exceptions.ErrorDetail]]:
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            # Of the object as a whole.
            inner = path if key == "non_field_errors" else (*path, str(key))
            yield from _flat(value, inner)
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            # Several errors of one value, or those of the values of a list.
            yield from _flat(value, (*path, str(index)) if isinstance(value, Mapping) else path)
    else:
        yield path, detail


def _pointer(path: tuple[str, ...]) -> dict[str, str]:
    # Names of our own fields and numbers of entries: nothing to escape.
    return {"pointer": "#" + "".join(f"/{key}" for key in path)}


def _parameter(path: tuple[str, ...]) -> dict[str, str]:
    return {"parameter": path[0]} if path else {}
