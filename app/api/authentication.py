"""Who asks: by password, by token or by session."""

from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, Throttled

from api.logins import look


class BasicAuthentication(authentication.BasicAuthentication):
    def authenticate_credentials(self, userid: str, password: str, request: Any = None) -> Any:
        # Before the password is looked at, which takes a processor a third of a second.
        attempt = look(request, userid)
        if attempt.seconds_to_wait:
            raise Throttled(attempt.seconds_to_wait)
        # PostgreSQL takes none.
        if "\0" in userid:
            raise AuthenticationFailed("Invalid username/password.")
        found = super().authenticate_credentials(userid, password, request)
        attempt.succeeded()
        return found


class TokenAuthentication(KnoxTokenAuthentication):  # type: ignore[misc]  # has no types
    def authenticate_credentials(self, token: bytes) -> Any:
        # Ours are hexadecimal; the rest would not survive on its way to the database.
        if not token.isalnum():
            raise AuthenticationFailed("Invalid token.")
        return super().authenticate_credentials(token)


class LoginForm(AdminAuthenticationForm):
    def clean(self) -> Any:
        attempt = look(self.request, self.cleaned_data.get("username", ""))
        if attempt.seconds_to_wait:
            raise ValidationError(f"Too many logins have failed: wait {attempt.seconds_to_wait} seconds.")
        cleaned = super().clean()
        # Without a name or a password, nobody has been asked for.
        if self.get_user():
            attempt.succeeded()
        return cleaned
