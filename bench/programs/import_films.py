"""Times import_movies against a plain COPY of the same rows.

Run in the app's folder as PYTHONPATH=. python import_films.py [--keep] [LINES], with the environment of its
settings, whose database has the tables but no films; so it is left, too, unless there is --keep.
"""

import argparse
import csv
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import django
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

PROGRAM = [sys.executable, "manage.py", "import_movies"]
# In the order that references need, without the columns that PostgreSQL generates.
TABLES = {
    "movies_genre": "id, name",
    "movies_person": "id, name, external_id",
    "movies_film": "id, external_id, title, year, rating, poster, created_at, updated_at",
    "movies_film_genres": "id, film_id, genre_id",
    "movies_credit": "id, film_id, person_id, role, position",
}
HEADER = ["tconst", "primaryTitle", "startYear", "averageRating", "genres", "directors", "cast"]
GENRES = ["Action", "Adventure", "Comedy", "Crime", "Drama", "Family", "Fantasy", "History", "Horror", "War"]


def write_films(path: Path, lines: int) -> None:
    """A third as many people as films, with words that films share."""
    chance = random.Random(1)  # noqa: S311 -- the same films each time
    words = [f"{one}{two}".title() for one in GENRES for two in range(400)]
    people = [f"{chance.choice(words)} {chance.choice(words)}{number}" for number in range(lines // 3 + 5)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(1, lines + 1):
            writer.writerow(
                (
                    f"tt{number:07}",
                    " ".join(chance.choices(words, k=chance.randint(1, 5))),
                    chance.randint(1920, 2025),
                    chance.randint(10, 99) / 10,
                    ",".join(chance.sample(GENRES, chance.randint(1, 3))),
                    chance.choice(people),
                    "|".join(chance.sample(people, chance.randint(1, 3))),
                )
            )


def run_import(path: Path) -> tuple[float, float]:
    """Return its seconds and the most MB that it had in memory."""
    start = time.monotonic()
    process = subprocess.Popen([*PROGRAM, str(path)])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("the import has failed")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def copy_rows(folder: Path) -> float:
    """Take the rows away and write them again; return the seconds of the latter."""
    with connection.cursor() as cursor:
        for table, columns in TABLES.items():
            with (folder / table).open("wb") as file:
                cursor.copy_expert(f"COPY {table} ({columns}) TO STDOUT", file)
        empty(cursor)
        start = time.monotonic()
        with transaction.atomic():
            for table, columns in TABLES.items():
                with (folder / table).open("rb") as file:
                    cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", file)
        return time.monotonic() - start


def empty(cursor: CursorWrapper) -> None:
    cursor.execute(f"TRUNCATE {', '.join(TABLES)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", nargs="?", type=int, default=100_000)
    parser.add_argument("--keep", action="store_true", help="leave the films in the database")
    arguments = parser.parse_args()
    lines = arguments.lines
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM movies_film)")
        if cursor.fetchone() == (True,):
            sys.exit("there are films in this database already: name an empty one")
    with tempfile.TemporaryDirectory() as name:
        films = Path(name) / "films.csv"
        write_films(films, lines)
        seconds, memory = run_import(films)
        again, memory_again = run_import(films)
        copied = copy_rows(Path(name))
    if not arguments.keep:
        with connection.cursor() as cursor:
            empty(cursor)
    print(f"import of {lines} lines: {seconds:.1f} s, {memory:.0f} MB")
    print(f"once more: {again:.1f} s, {memory_again:.0f} MB")
    print(f"plain COPY {copied:.1f} s, ratio {seconds / copied:.2f}")


if __name__ == "__main__":
    main()
