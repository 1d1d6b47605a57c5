from django.contrib import admin
from django.urls import include, path

from core import health

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("movies.urls")),
    path("health/live", health.live),
    path("health/ready", health.ready),
]

# Answers of the API stay JSON when Django, not a view, makes them.
handler400 = "core.errors.bad_request"
handler500 = "rest_framework.exceptions.server_error"
