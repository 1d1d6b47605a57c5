"""Films as the API shows them, each with all that belongs to it, by one query."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import SearchQuery
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import JSONObject

from movies.models import SEARCH_CONFIG, Credit, Film, Genre, Person

# Arrays, since prefetching would be one more query for each relation.
FILMS = Film.objects.defer("search").annotate(
    genre_names=ArraySubquery(Genre.objects.filter(films=OuterRef("pk")).order_by("name").values("name")),
    credited=ArraySubquery(
        Credit.objects.filter(film=OuterRef("pk"))
        .order_by("position")
        .values(json=JSONObject(id="person_id", name="person__name", role="role"))
    ),
)


def filter_films(films: QuerySet[Film], query: dict[str, Any]) -> QuerySet[Film]:
    """Those that meet every condition; `query` is a valid FilmQuery."""
    for parameter, lookup in (
        ("year", "year"),
        ("year_min", "year__gte"),
        ("year_max", "year__lte"),
        ("rating_min", "rating__gte"),
        ("rating_max", "rating__lte"),
    ):
        if parameter in query:
            films = films.filter(**{lookup: query[parameter]})
    for name in query.get("genre", ()):
        films = films.filter(
            Exists(Film.genres.through.objects.filter(film=OuterRef("pk"), genre__name=name))
        )
    if "person" in query:
        films = films.filter(Exists(Credit.objects.filter(film=OuterRef("pk"), person=query["person"])))
    if "search" in query:
        films = films.filter(search=_words(query["search"]))
    return films


def filter_people(people: QuerySet[Person], query: dict[str, Any]) -> QuerySet[Person]:
    return people.filter(search=_words(query["search"])) if "search" in query else people


def _words(text: str) -> SearchQuery:
    return SearchQuery(text, config=SEARCH_CONFIG, search_type="websearch")
