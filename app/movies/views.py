from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from api.viewsets import ResourceViewSet
from movies import selectors, services
from movies.models import Film, Genre, Person
from movies.query_parameters import ORDERS, FilmParameters, PersonParameters
from movies.serializers import FilmSerializer, GenreSerializer, PersonSerializer


class FilmViewSet(ResourceViewSet[Film]):
    """Films. Directors and cast are written by `id`, a poster as multipart."""

    queryset = selectors.FILMS
    serializer_class = FilmSerializer
    list_parameters = FilmParameters

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return selectors.filter_films(queryset, self.parameters)

    def get_order(self) -> Sequence[str]:
        return ORDERS[self.parameters.get("ordering", "oldest")]

    def write(self, row: Film, values: dict[str, Any]) -> Film:
        return services.save_film(row, **values)

    def remove(self, row: Film) -> None:
        services.delete_films(Film.objects.filter(pk=row.pk))


class GenreViewSet(ResourceViewSet[Genre]):
    """Genres."""

    queryset = selectors.GENRES
    serializer_class = GenreSerializer

    def get_order(self) -> Sequence[str]:
        # Unique by itself.
        return ("name",)

    def write(self, row: Genre, values: dict[str, Any]) -> Genre:
        return services.save_genre(row, **values)

    def remove(self, row: Genre) -> None:
        services.delete_genre(row)


class PersonViewSet(ResourceViewSet[Person]):
    """Directors and actors. One who is in a film can't be deleted: 409."""

    queryset = selectors.PEOPLE
    serializer_class = PersonSerializer
    list_parameters = PersonParameters

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return selectors.filter_people(queryset, self.parameters)

    def get_order(self) -> Sequence[str]:
        return ("name", "id")

    def write(self, row: Person, values: dict[str, Any]) -> Person:
        return services.save_person(row, **values)

    def remove(self, row: Person) -> None:
        services.delete_person(row)
