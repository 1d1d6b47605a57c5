"""What a million films cost: their import, and pages of them."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.figures import Row, alone, compare, in_turns
from bench.machines import HOST, SMALL, BenchError, Machine, ask
from bench.requests import sound

MANY, FEW = 1_000_000, 1_000
ROUNDS = 5
PAGE = "/api/movies"
# Pages are of 20 films; the links of larger ones lead to a far one sooner.
FAR, LARGE = 10_000, 100

# As the database's owner, who alone may empty tables.
IMPORT = """
set -eu
secrets=/srv/django/stack/secrets
psql() {{
    docker exec --env "PGPASSWORD=$(cat $secrets/postgres_password)" django-db-1 \\
        psql --quiet --username=postgres --host=db --dbname=django --command "$1"
}}
psql 'TRUNCATE movies_genre, movies_person, movies_film, movies_film_genres, movies_credit'
docker run --rm --network django_database \\
    --workdir /app --env PYTHONPATH=/app --volume /bench:/bench:ro --volume $secrets:/secrets:ro \\
    --env POSTGRES_HOST=db --env POSTGRES_PORT=5432 --env POSTGRES_DB=django \\
    --env POSTGRES_USER=django_owner --env POSTGRES_PASSWORD_FILE=/secrets/django_owner_password \\
    --env DJANGO_SECRET_KEY_FILE=/secrets/django_secret_key --env DJANGO_ALLOWED_HOSTS=localhost \\
    {image} python /bench/import_films.py --keep {lines}
psql 'VACUUM ANALYZE'
"""


def measure() -> Iterator[Row]:
    load(SMALL, FEW)
    figures = load(HOST, MANY)
    what = f"`import_movies` of {MANY:,} lines"
    pair = figures["import"], figures["copy"]
    yield compare(what, "plain `COPY` of the same rows", "s", [pair], at_most=2)
    yield alone(f"{what}: memory", "MB", [figures["memory"]], at_most=200)
    yield pages("first page of 20 films with genres: p95", PAGE, PAGE)
    yield pages(f"page {FAR:,}: p95", far_page(HOST, FAR), far_page(SMALL, FEW // 20))


def load(machine: Machine, lines: int) -> dict[str, float]:
    """Replace a machine's films by made-up ones; return the figures of their import."""
    image = machine.inspect(machine.api())["Config"]["Image"]
    return read_import(machine.run("sh", "-c", IMPORT.format(image=image, lines=lines)))


def read_import(printed: str) -> dict[str, float]:
    """Return seconds and MB, as import_films.py prints them.

    Raises:
        BenchError: It has not.
    """
    figures = re.search(r"^import of \d+ lines: ([\d.]+) s, ([\d.]+) MB$", printed, re.MULTILINE)
    copy = re.search(r"^plain COPY ([\d.]+) s", printed, re.MULTILINE)
    if not figures or not copy:
        raise BenchError(f"import_films.py has printed no figures: {printed[-200:]}")
    return {"import": float(figures[1]), "memory": float(figures[2]), "copy": float(copy[1])}


def pages(what: str, many: str, few: str) -> Row:
    pairs = in_turns(lambda: sound(ask(HOST.url(many))), lambda: sound(ask(SMALL.url(few))), ROUNDS)
    p95s = [(one.p95, other.p95) for one, other in pairs]
    return compare(f"{what}, {MANY:,} films", f"{FEW:,} films", "ms", p95s, at_most=1.2)


def far_page(machine: Machine, number: int) -> str:
    """Return the path of the page of that number, as a client finds it: from link to link."""
    path = f"{PAGE}?page_size={LARGE}"
    for _ in range((number - 1) * 20 // LARGE):
        with urllib.request.urlopen(machine.url(path), timeout=30) as answer:
            split = urlsplit(json.load(answer)["next"])
        path = f"{split.path}?{split.query}"
    cursor = parse_qs(urlsplit(path).query)["cursor"][0]
    return f"{PAGE}?{urlencode({'cursor': cursor})}"
