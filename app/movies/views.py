from django.db import transaction
from django.db.models import QuerySet
from django.utils.decorators import method_decorator
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import SAFE_METHODS
from rest_framework.viewsets import ModelViewSet

from movies.models import Film
from movies.serializers import FilmSerializer


class FilmPagination(CursorPagination):
    """By cursor: it costs the same on the last page as on the first, and counts nothing."""

    ordering = "id"
    page_size = 20


# A film and its genres are written together or not at all.
@method_decorator(transaction.atomic, name="create")
@method_decorator(transaction.atomic, name="update")
@method_decorator(transaction.atomic, name="destroy")
class FilmViewSet(ModelViewSet[Film]):
    queryset = Film.objects.prefetch_related("genres")
    serializer_class = FilmSerializer
    pagination_class = FilmPagination

    def get_queryset(self) -> QuerySet[Film]:
        films = super().get_queryset()
        if self.request.method in SAFE_METHODS:
            return films
        # A change writes all columns: it must not put back what another one has just replaced.
        return films.select_for_update()
