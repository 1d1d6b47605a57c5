"""Sessions that outlive a change of SECRET_KEY.

Django gives a session that a former key has signed another name with its first request, and deletes the one
that all other requests under way still bear: they would be told to log in. Here it stays as it is until its
key is taken from SECRET_KEY_FALLBACKS.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import auth
from django.contrib.auth import middleware
from django.contrib.sessions.backends import db
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject


class SessionStore(db.SessionStore):
    _signed_anew = True

    @contextmanager
    def as_signed(self) -> Iterator[None]:
        """Don't sign it with today's key meanwhile; what is not valid is ended all the same."""
        self._signed_anew = False
        try:
            yield
        finally:
            self._signed_anew = True

    def cycle_key(self) -> None:
        if self._signed_anew:
            super().cycle_key()

    def __setitem__(self, key: str, value: Any) -> None:
        if self._signed_anew:
            super().__setitem__(key, value)


class AuthenticationMiddleware(middleware.AuthenticationMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _get_user(request))  # type: ignore[assignment]


def _get_user(request: Any) -> Any:
    if not hasattr(request, "_cached_user"):
        with request.session.as_signed():
            request._cached_user = auth.get_user(request)
    return request._cached_user
