"""The SQL of an import: each statement takes the lines %(first)s to %(last)s, which COPY has brought.

PostgreSQL may count rows when there are none to be seen, also while an import runs, and takes any index and
order of joins for as good as another then. So the statements leave it one way only, from each line of the
chunk to what belongs to it: by a subquery with one value, a limit or an aggregate, by = ANY of one value, and
by + 0 where the wrong index would do as well.
"""

COPY = """
    COPY movies_importedline (line, external_id, title, year, rating, genres, directors, "cast")
    FROM STDIN (FORMAT csv, NULL '\\N')
"""
# The line that came first may be one of an earlier chunk.
TAKE_REPEATED = """
    DELETE FROM movies_importedline AS later
    WHERE line BETWEEN %(first)s AND %(last)s AND line > (
        SELECT min(line + 0) FROM movies_importedline AS earlier WHERE earlier.external_id = later.external_id
    )
    RETURNING line, external_id, (
        SELECT min(line + 0) FROM movies_importedline AS earlier WHERE earlier.external_id = later.external_id
    )
"""
ADD_GENRES = """
    INSERT INTO movies_genre (name)
    SELECT DISTINCT wanted.name
    FROM movies_importedline, string_to_table(genres, %(between_genres)s) AS wanted (name)
    WHERE line BETWEEN %(first)s AND %(last)s
    AND (SELECT id FROM movies_genre AS known WHERE known.name = wanted.name LIMIT 1) IS NULL
    ORDER BY wanted.name
    ON CONFLICT (name) DO NOTHING
"""
ADD_PEOPLE = """
    INSERT INTO movies_person (name)
    SELECT DISTINCT wanted.name
    FROM movies_importedline,
        unnest(ARRAY[directors, "cast"]) AS names,
        string_to_table(names, %(between_people)s) AS wanted (name)
    WHERE line BETWEEN %(first)s AND %(last)s
    AND (SELECT id FROM movies_person AS known WHERE known.name = wanted.name LIMIT 1) IS NULL
    ORDER BY wanted.name
"""
# A film that somebody else adds at the same time is left to CHANGE_FILMS, which comes next and sees it.
ADD_FILMS = """
    INSERT INTO movies_film (external_id, title, year, rating, poster, created_at, updated_at)
    SELECT external_id, title, year, rating, '', now(), now()
    FROM movies_importedline AS line
    WHERE line BETWEEN %(first)s AND %(last)s
    AND (SELECT id FROM movies_film AS known WHERE known.external_id = line.external_id LIMIT 1) IS NULL
    ORDER BY line.line
    ON CONFLICT (external_id) DO NOTHING
    RETURNING id
"""
# Compared by name: which one of that name it is, an editor may have set right.
CHANGE_FILMS = """
    UPDATE movies_film AS film
    SET title = wanted.title, year = wanted.year, rating = wanted.rating, updated_at = now()
    FROM (
        SELECT
            known.id,
            line.title,
            line.year,
            line.rating,
            (known.title, known.year, known.rating) IS DISTINCT FROM (line.title, line.year, line.rating)
                AS differs,
            string_to_array(line.genres, %(between_genres)s) IS DISTINCT FROM ARRAY(
                SELECT (SELECT name FROM movies_genre WHERE id = link.genre_id)::text COLLATE "C"
                FROM movies_film_genres AS link
                WHERE link.film_id = known.id
                ORDER BY 1
            ) AS genres_differ,
            line.directors IS NOT NULL
            AND string_to_array(line.directors, %(between_people)s) IS DISTINCT FROM ARRAY(
                SELECT (SELECT name FROM movies_person WHERE id = credit.person_id)::text
                FROM movies_credit AS credit
                WHERE credit.film_id = known.id AND credit.role = 'director'
                ORDER BY credit.position
            ) AS directors_differ,
            line."cast" IS NOT NULL
            AND string_to_array(line."cast", %(between_people)s) IS DISTINCT FROM ARRAY(
                SELECT (SELECT name FROM movies_person WHERE id = credit.person_id)::text
                FROM movies_credit AS credit
                WHERE credit.film_id = known.id AND credit.role = 'cast'
                ORDER BY credit.position
            ) AS cast_differs
        FROM movies_importedline AS line
        CROSS JOIN LATERAL (
            SELECT * FROM movies_film AS film WHERE film.external_id = line.external_id LIMIT 1
        ) AS known
        WHERE line.line BETWEEN %(first)s AND %(last)s AND known.id <> ALL (%(added)s::bigint[])
    ) AS wanted
    WHERE film.id = ANY (ARRAY[wanted.id]) AND (differs OR genres_differ OR directors_differ OR cast_differs)
    RETURNING film.id, genres_differ, directors_differ, cast_differs
"""
DROP_GENRES = "DELETE FROM movies_film_genres WHERE film_id = ANY (%(films)s::bigint[])"
LINK_GENRES = """
    INSERT INTO movies_film_genres (film_id, genre_id)
    SELECT film.id, (SELECT min(id + 0) FROM movies_genre AS genre WHERE genre.name = wanted.name)
    FROM movies_importedline AS line
    CROSS JOIN LATERAL (SELECT id FROM movies_film WHERE external_id = line.external_id LIMIT 1) AS film
    CROSS JOIN string_to_table(line.genres, %(between_genres)s) AS wanted (name)
    WHERE line.line BETWEEN %(first)s AND %(last)s AND film.id = ANY (%(films)s::bigint[])
    ORDER BY line.line
"""
# Names are not unique among people: the one who was there first is credited, unless the film has credited
# another of that name. Those few come back as an object, in which each name is found without a search.
DROP_CREDITS = """
    WITH dropped AS (
        DELETE FROM movies_credit
        WHERE film_id = ANY (%(films)s::bigint[]) AND role = %(role)s
        RETURNING
            film_id, person_id, (SELECT name FROM movies_person AS person WHERE person.id = person_id) AS name
    )
    SELECT jsonb_object_agg(film_id || ' ' || name, person_id)
    FROM dropped
    WHERE person_id > (SELECT min(id + 0) FROM movies_person AS person WHERE person.name = dropped.name)
"""
LINK_CREDITS = """
    INSERT INTO movies_credit (film_id, person_id, role, position)
    SELECT
        film.id,
        coalesce(
            (%(namesakes)s::jsonb ->> (film.id || ' ' || wanted.name))::bigint,
            (SELECT min(id + 0) FROM movies_person AS person WHERE person.name = wanted.name)
        ),
        %(role)s,
        wanted.position
    FROM movies_importedline AS line
    CROSS JOIN LATERAL (SELECT id FROM movies_film WHERE external_id = line.external_id LIMIT 1) AS film
    CROSS JOIN string_to_table(
        CASE %(role)s WHEN 'director' THEN line.directors ELSE line."cast" END, %(between_people)s
    ) WITH ORDINALITY AS wanted (name, position)
    WHERE line.line BETWEEN %(first)s AND %(last)s AND film.id = ANY (%(films)s::bigint[])
    ORDER BY line.line, wanted.position
"""
