from config.urls import handler400, handler403, handler404, handler500
from django.urls import include, path
from probe import views

__all__ = ["handler400", "handler403", "handler404", "handler500"]

urlpatterns = [
    path("bench/bare/<int:pk>", views.bare),
    path("bench/slow", views.slow),
    path("", include("config.urls")),
]
