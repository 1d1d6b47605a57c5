from config.urls import handler400, handler403, handler404, handler500
from django.urls import include, path

from proof import views

__all__ = ["handler400", "handler403", "handler404", "handler500"]

urlpatterns = [
    path("test/slow", views.slow),
    path("test/stream", views.stream),
    path("", include("config.urls")),
]
