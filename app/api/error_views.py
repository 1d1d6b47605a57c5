"""Errors that Django answers itself, not REST framework: of the same shape as all others."""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from api.problems import CONTENT_TYPE, problem


def bad_request(_request: HttpRequest, exception: Exception) -> JsonResponse:
    # A host that is not allowed is the operator's to fix, so it is named.
    if isinstance(exception, DisallowedHost):
        return _answer(400, "not a host name of this API: see DJANGO_ALLOWED_HOSTS")
    return _answer(400, "The request is not valid.")


def permission_denied(_request: HttpRequest, exception: Exception) -> JsonResponse:
    return _answer(403, "You may not do that.")


def csrf_failure(_request: HttpRequest, reason: str = "") -> JsonResponse:
    return _answer(403, f"The form has to come from a page of ours: load it anew. ({reason})")


def not_found(_request: HttpRequest, exception: Exception) -> JsonResponse:
    return _answer(404, "There is nothing at this address.")


def server_error(_request: HttpRequest) -> JsonResponse:
    return _answer(500, "The server failed; its log says more.")


def require_safe(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer 405 to all but GET and HEAD.

    Django's decorator of that name sends no body, and refuses a form from elsewhere with 403 before.
    """

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return view(request)
        refusal = _answer(405, f'Method "{request.method}" not allowed.')
        refusal["Allow"] = "GET, HEAD"
        return refusal

    return answer


def _answer(code: int, detail: str) -> JsonResponse:
    return JsonResponse(problem(code, detail), status=code, content_type=CONTENT_TYPE)
