from django.urls import re_path

from movies.views import FilmViewSet

# The slash at the end is optional: a redirect would cost each client a second request, and lose its body.
urlpatterns = [
    re_path(r"^movies/?$", FilmViewSet.as_view({"get": "list", "post": "create"}), name="film-list"),
    re_path(
        r"^movies/(?P<pk>[0-9]+)/?$",
        FilmViewSet.as_view(
            {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
        ),
        name="film-detail",
    ),
]
