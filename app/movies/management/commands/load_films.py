"""Gives an empty database some films to look at."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.core.management.color import no_style
from django.db import connection, transaction

from movies.models import Credit, Film, Genre, Person
from movies.serializers import ROLES

DATA = Path(__file__).parents[2] / "data" / "films.json"


class Command(BaseCommand):
    help = "Load the films of movies/data/films.json, unless there is a film already."

    @transaction.atomic
    def handle(self, **_options: Any) -> None:
        if Film.objects.exists():
            self.stdout.write("unchanged: there are films already")
            return
        entries = json.loads(DATA.read_text())
        names = {name for entry in entries for name in entry["genres"]}
        Genre.objects.bulk_create([Genre(name=name) for name in sorted(names)], ignore_conflicts=True)
        genres = Genre.objects.in_bulk(names, field_name="name")
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
        Film.genres.through.objects.bulk_create(
            Film.genres.through(film=film, genre=genres[name])
            for film, entry in zip(films, entries, strict=True)
            for name in entry["genres"]
        )
        _load_credits(films, entries)
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), [Film]):
                cursor.execute(statement)
        self.stdout.write(f"loaded {len(films)} films")


def _load_credits(films: list[Film], entries: list[dict[str, Any]]) -> None:
    credited = [
        (film, role, position, name)
        for film, entry in zip(films, entries, strict=True)
        for field, role in ROLES.items()
        for position, name in enumerate(entry.get(field, ()), start=1)
    ]
    names = sorted({name for *_, name in credited})
    people = dict(zip(names, Person.objects.bulk_create(Person(name=name) for name in names), strict=True))
    Credit.objects.bulk_create(
        Credit(film=film, role=role, position=position, person=people[name])
        for film, role, position, name in credited
    )
