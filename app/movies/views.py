from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from core.viewsets import ResourceViewSet
from movies import selectors
from movies.models import Film, Genre, Person
from movies.queries import ORDERS, FilmQuery, PersonQuery
from movies.serializers import FilmSerializer, GenreSerializer, PersonSerializer


class FilmViewSet(ResourceViewSet[Film]):
    """Films. Directors and cast are written by `id`, a poster as multipart."""

    queryset = selectors.FILMS
    serializer_class = FilmSerializer
    list_query = FilmQuery

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return selectors.filter_films(queryset, self.query)

    def get_order(self) -> Sequence[str]:
        return ORDERS[self.query.get("ordering", "oldest")]


class GenreViewSet(ResourceViewSet[Genre]):
    """Genres."""

    queryset: Any = Genre.objects.values("id", "name")
    serializer_class = GenreSerializer

    def get_order(self) -> Sequence[str]:
        # Unique by itself.
        return ("name",)


class PersonViewSet(ResourceViewSet[Person]):
    """Directors and actors. One who is in a film can't be deleted: 409."""

    queryset: Any = Person.objects.values("id", "name", "external_id")
    serializer_class = PersonSerializer
    list_query = PersonQuery

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return selectors.filter_people(queryset, self.query)

    def get_order(self) -> Sequence[str]:
        return ("name", "id")
