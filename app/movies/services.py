"""Writes films, genres and people; whoever does so, the API or the admin's pages, does it here.

What is written has been found valid before.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from movies.models import Credit, Film, Genre, Person


@transaction.atomic
def save_film(
    film: Film,
    *,
    genres: Iterable[Genre] | None = None,
    directors: Sequence[int] | None = None,
    cast: Sequence[int] | None = None,
    **fields: Any,
) -> Film:
    """Write a film that is new, or whose row the caller has locked.

    Args:
        film: The film, with its new values or with those of before.
        genres: All that the film is to have; None leaves them as they are.
        directors: The ids of people, in their order; None leaves them as they are.
        cast: Likewise.
        fields: New values of the film's own fields. A poster that is replaced is removed at the commit.

    Raises:
        IntegrityError: Another row has the same unique value, or a genre or person is gone.
    """
    _assign(film, fields)
    _save_with_poster(film)
    if genres is not None:
        film.genres.set(genres)
    for role, people in ((Credit.Role.DIRECTOR, directors), (Credit.Role.CAST, cast)):
        if people is not None:
            _replace_credits(film, role, people)
    return film


@transaction.atomic
def delete_films(films: QuerySet[Film]) -> None:
    """Delete films, and at the commit their posters."""
    # By their keys: PostgreSQL locks no rows of a query with DISTINCT, and the admin's filters make such.
    chosen = Film.objects.filter(pk__in=films.order_by().values("pk"))
    # Locked, so that none of them gets another poster before it is deleted.
    locked = list(chosen.select_for_update())
    Film.objects.filter(pk__in=[film.pk for film in locked]).delete()
    for film in locked:
        if film.poster.name:
            _remove_at_commit(film.poster.name)


def save_genre(genre: Genre, **fields: Any) -> Genre:
    _assign(genre, fields)
    genre.save()
    return genre


def delete_genre(genre: Genre) -> None:
    genre.delete()


def save_person(person: Person, **fields: Any) -> Person:
    _assign(person, fields)
    person.save()
    return person


def delete_person(person: Person) -> None:
    """Delete somebody.

    Raises:
        ProtectedError: A film credits this person.
    """
    person.delete()


def _assign(row: Film | Genre | Person, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)


def _save_with_poster(film: Film) -> None:
    uploaded = film.poster.name
    before = Film.objects.select_for_update().filter(pk=film.pk).values_list("poster", flat=True).first()
    try:
        film.save()
    except Exception:
        # Django writes the file before the row.
        if film.poster.name and film.poster.name != uploaded:
            film.poster.storage.delete(film.poster.name)
        raise
    if before and before != film.poster.name:
        _remove_at_commit(before)


def _remove_at_commit(poster: str) -> None:
    transaction.on_commit(partial(Film.poster.field.storage.delete, poster))


def _replace_credits(film: Film, role: Credit.Role, people: Sequence[int]) -> None:
    film.credits.filter(role=role).delete()
    Credit.objects.bulk_create(
        Credit(film=film, person_id=pk, role=role, position=position)
        for position, pk in enumerate(people, start=1)
    )
