from django.contrib import admin
from django.urls import include, path

from api.authentication import LoginForm
from api.icon import icon
from runtime import health

admin.site.login_form = LoginForm

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("movies.urls")),
    path("api/", include("api.urls")),
    path("favicon.ico", icon),
    path("health/live", health.live),
    path("health/ready", health.ready),
]

# One shape for all errors, also when Django, not a view, makes them.
handler400 = "api.error_views.bad_request"
handler403 = "api.error_views.permission_denied"
handler404 = "api.error_views.not_found"
handler500 = "api.error_views.server_error"
