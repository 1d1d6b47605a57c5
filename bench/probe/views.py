"""What the bench asks a copy of the app besides its own."""

import json
import time

from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse

# A film as the API shows it, made by PostgreSQL.
FILM = """
SELECT json_build_object(
    'id', film.id,
    'external_id', film.external_id,
    'title', film.title,
    'year', film.year,
    'genres', ARRAY(
        SELECT genre.name FROM movies_genre AS genre
        JOIN movies_film_genres AS link ON link.genre_id = genre.id
        WHERE link.film_id = film.id ORDER BY genre.name
    ),
    'directors', ARRAY(
        SELECT json_build_object('id', person.id, 'name', person.name) FROM movies_credit AS credit
        JOIN movies_person AS person ON person.id = credit.person_id
        WHERE credit.film_id = film.id AND credit.role = 'director' ORDER BY credit.position
    ),
    'cast', ARRAY(
        SELECT json_build_object('id', person.id, 'name', person.name) FROM movies_credit AS credit
        JOIN movies_person AS person ON person.id = credit.person_id
        WHERE credit.film_id = film.id AND credit.role = 'cast' ORDER BY credit.position
    ),
    'rating', film.rating,
    'poster', NULL,
    'created_at', to_char(film.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'updated_at', to_char(film.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
)
FROM movies_film AS film WHERE film.id = %s
"""


def bare(_request: HttpRequest, pk: int) -> HttpResponse:
    """Answer what /api/movies/PK answers, with as little in between as Django allows."""
    with connection.cursor() as cursor:
        cursor.execute(FILM, [pk])
        row = cursor.fetchone()
    if row is None:
        raise Http404
    body = json.dumps(row[0], ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(body, content_type="application/json")


def slow(_request: HttpRequest) -> HttpResponse:
    time.sleep(0.3)
    return HttpResponse("slow\n", content_type="text/plain")
