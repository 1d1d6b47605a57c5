"""Answers to requests that reach no view."""

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, JsonResponse
from rest_framework import exceptions


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """As REST framework's, but a host that is not allowed is the operator's to fix, so it is named."""
    if isinstance(exception, DisallowedHost):
        return JsonResponse({"error": "not a host name of this API: see DJANGO_ALLOWED_HOSTS"}, status=400)
    return exceptions.bad_request(request, exception)
