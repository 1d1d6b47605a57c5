"""Puts the id that nginx gives each request into every log line that is written for it.

By signals, not as middleware: Django logs an answer of 404, for example, after all middleware is done.
"""

from contextvars import ContextVar
from typing import Any

from django.core.signals import request_finished, request_started
from django.dispatch import receiver

NONE = "-"
_request_id = ContextVar("request_id", default=NONE)


def current_request_id() -> str:
    return _request_id.get()


@receiver(request_started)
def remember(environ: dict[str, Any], **_kwargs: Any) -> None:
    # nginx has replaced what a client sent.
    _request_id.set(environ.get("HTTP_X_REQUEST_ID", NONE))


@receiver(request_finished)
def forget(**_kwargs: Any) -> None:
    _request_id.set(NONE)
