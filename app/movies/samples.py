"""Some films for a database that has none."""

from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction

from movies.models import Credit, Film, Genre, Person


@transaction.atomic
def load_samples(entries: list[dict[str, Any]]) -> int:
    """Write all of them, unless there is a film already; return how many were written.

    Args:
        entries: Each has `title`, `year`, `rating` and a list `genres`, and may have `external_id` and, as
            lists of names, `directors` and `cast`. People of one name are one person.
    """
    if Film.objects.exists():
        return 0
    # Numbers of our own, because a run that was broken off has used up some of the database's.
    films = Film.objects.bulk_create(
        Film(
            pk=number,
            external_id=entry.get("external_id"),
            title=entry["title"],
            year=entry["year"],
            rating=entry["rating"],
        )
        for number, entry in enumerate(entries, start=1)
    )
    _load_genres(films, entries)
    _load_credits(films, entries)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Film]):
            cursor.execute(statement)
    return len(films)


def _load_genres(films: list[Film], entries: list[dict[str, Any]]) -> None:
    names = {name for entry in entries for name in entry["genres"]}
    Genre.objects.bulk_create([Genre(name=name) for name in sorted(names)], ignore_conflicts=True)
    genres = Genre.objects.in_bulk(names, field_name="name")
    Film.genres.through.objects.bulk_create(
        Film.genres.through(film=film, genre=genres[name])
        for film, entry in zip(films, entries, strict=True)
        for name in entry["genres"]
    )


def _load_credits(films: list[Film], entries: list[dict[str, Any]]) -> None:
    credited = [
        (film, role, position, name)
        for film, entry in zip(films, entries, strict=True)
        for field, role in (("directors", Credit.Role.DIRECTOR), ("cast", Credit.Role.CAST))
        for position, name in enumerate(entry.get(field, ()), start=1)
    ]
    names = sorted({name for *_, name in credited})
    people = dict(zip(names, Person.objects.bulk_create(Person(name=name) for name in names), strict=True))
    Credit.objects.bulk_create(
        Credit(film=film, role=role, position=position, person=people[name])
        for film, role, position, name in credited
    )
