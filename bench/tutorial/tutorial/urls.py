from django.urls import include, path
from rest_framework.routers import DefaultRouter

from tutorial import views

router = DefaultRouter()
router.register("movies", views.FilmViewSet)

urlpatterns = [
    path("api/", include(router.urls)),
    path("bench/slow", views.slow),
]
