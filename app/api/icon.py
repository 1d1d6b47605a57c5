"""The icon that a browser asks for at this address, unless the page names one. The admin's pages don't."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static

from api.error_views import require_safe


@require_safe
def icon(_request: HttpRequest) -> HttpResponse:
    return redirect(static("api/icon.svg"))
