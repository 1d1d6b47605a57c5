from django.contrib import admin
from django.urls import include, path, re_path

from core import health, schema, tokens
from core.authentication import LoginForm
from core.icon import icon

admin.site.login_form = LoginForm

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("movies.urls")),
    re_path(r"^api/tokens/?$", tokens.TokensView.as_view(), name="tokens"),
    re_path(r"^api/tokens/(?P<token_id>[0-9a-f]+)/?$", tokens.TokenView.as_view(), name="token"),
    re_path(r"^api/schema/?$", schema.document, name="schema"),
    re_path(r"^api/docs/?$", schema.page, name="docs"),
    path("favicon.ico", icon),
    path("health/live", health.live),
    path("health/ready", health.ready),
]

# One shape for all errors, also when Django, not a view, makes them.
handler400 = "core.problems.bad_request"
handler403 = "core.problems.permission_denied"
handler404 = "core.problems.not_found"
handler500 = "core.problems.server_error"
