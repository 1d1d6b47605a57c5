"""Who asks: by password, by token or by session."""

from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, Throttled

from api.throttling import seconds_to_wait


class BasicAuthentication(authentication.BasicAuthentication):
    def authenticate_credentials(self, userid: str, password: str, request: Any = None) -> Any:
        # Before the password is looked at, which takes a processor a third of a second.
        if seconds := seconds_to_wait(request):
            raise Throttled(seconds)
        # PostgreSQL takes none.
        if "\0" in userid:
            raise AuthenticationFailed("Invalid username/password.")
        return super().authenticate_credentials(userid, password, request)


class TokenAuthentication(KnoxTokenAuthentication):  # type: ignore[misc]  # has no types
    def authenticate_credentials(self, token: bytes) -> Any:
        # Ours are hexadecimal; the rest would not survive on its way to the database.
        if not token.isalnum():
            raise AuthenticationFailed("Invalid token.")
        return super().authenticate_credentials(token)


class LoginForm(AdminAuthenticationForm):
    def clean(self) -> Any:
        if seconds := seconds_to_wait(self.request):
            raise ValidationError(f"Too many logins have failed: wait {seconds} seconds.")
        return super().clean()
