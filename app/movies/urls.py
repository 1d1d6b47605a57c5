from typing import Any

from django.urls import re_path

from api.viewsets import ResourceViewSet
from movies.views import FilmViewSet, GenreViewSet, PersonViewSet

MANY: Any = {"get": "list", "post": "create"}
ONE: Any = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
VIEWS: dict[str, tuple[str, type[ResourceViewSet[Any]]]] = {
    "movies": ("film", FilmViewSet),
    "genres": ("genre", GenreViewSet),
    "people": ("person", PersonViewSet),
}

# The slash at the end is optional: a redirect would cost each client a second request, and lose its body.
urlpatterns = [
    pattern
    for path, (name, view) in VIEWS.items()
    for pattern in (
        re_path(rf"^{path}/?$", view.as_view(MANY), name=f"{name}-list"),
        re_path(rf"^{path}/(?P<pk>[0-9]+)/?$", view.as_view(ONE), name=f"{name}-detail"),
    )
]
