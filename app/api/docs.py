"""The API's description, for programs, and a page that shows it to people."""

from functools import cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from api.error_views import require_safe


@cache
def description_as_json() -> bytes:
    # Once: it takes a third of a second, and is the same for everybody.
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    rendered: bytes = OpenApiJsonRenderer().render(schema)
    return rendered


@require_safe
def description(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(description_as_json(), content_type="application/vnd.oai.openapi+json")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "api/docs.html")
