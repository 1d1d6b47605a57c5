import csv
import gzip
import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.db import ProgrammingError, connection
from rest_framework.test import APIClient

from movies.importing import film_file, progress, records, statements
from movies.importing.film_import import FilmImport
from movies.models import Credit, Film, Genre, ImportedLine, Person
from tests.conftest import MakeFilm
from tests.programs import APP, only_line

HEADER = "tconst,primaryTitle,startYear,averageRating,genres"
WITH_PEOPLE = f"{HEADER},directors,cast"
METROPOLIS = 'tt0017136,Metropolis,1927,8.3,"Drama,Sci-Fi"'
M = "tt0022100,M,1931,8.3,Crime"
SUNRISE = "tt0018455,Sunrise,1927,8.1,Drama"
WITH_LANG = f"{METROPOLIS},Fritz Lang,Brigitte Helm|Gustav Fröhlich"

Import = Callable[..., "Result"]


@dataclass
class Result:
    code: int
    output: str
    errors: list[str]


@pytest.fixture
def run(tmp_path: Path, transactional_db: None) -> Import:
    """Imports a file of these lines, or of these bytes."""

    def run(*lines: str, content: bytes | None = None, options: tuple[str, ...] = ()) -> Result:
        file = tmp_path / "films.csv"
        file.write_bytes("\n".join([*lines, ""]).encode() if content is None else content)
        output, errors = io.StringIO(), io.StringIO()
        try:
            call_command("import_movies", str(file), *options, stdout=output, stderr=errors)
        except CommandError as error:
            errors.write(str(error))
            code = error.returncode
        else:
            code = 0
        return Result(code, output.getvalue(), errors.getvalue().splitlines())

    return run


def start_import(file: str = "-", **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_movies", file],
        cwd=APP,
        env=os.environ | {"POSTGRES_DB": str(connection.settings_dict["NAME"])} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def without_progress(errors: bytes) -> bytes:
    """A machine that is slow is told every 10 seconds how far it has come."""
    return b"".join(line for line in errors.splitlines(keepends=True) if b" lines/s" not in line)


def titles() -> list[str]:
    return list(Film.objects.order_by("id").values_list("title", flat=True))


def credited(film: Film, role: Credit.Role) -> list[str]:
    return [credit.person.name for credit in film.credits.filter(role=role)]


# --- what is written ---


def test_a_film_with_all_that_belongs_to_it(run: Import) -> None:
    result = run(WITH_PEOPLE, WITH_LANG)

    assert result == Result(0, "imported: 1 films added, 0 changed, 0 unchanged\n", [])
    film = Film.objects.get()
    assert (film.external_id, film.title, film.year, str(film.rating)) == (
        "tt0017136",
        "Metropolis",
        1927,
        "8.3",
    )
    assert sorted(genre.name for genre in film.genres.all()) == ["Drama", "Sci-Fi"]
    assert credited(film, Credit.Role.DIRECTOR) == ["Fritz Lang"]
    assert credited(film, Credit.Role.CAST) == ["Brigitte Helm", "Gustav Fröhlich"]
    assert list(film.credits.values_list("position", flat=True)) == [1, 2, 1]
    assert film.created_at == film.updated_at
    # What it was copied to is empty again.
    assert not ImportedLine.objects.exists()


def test_the_api_shows_and_finds_it(run: Import, visitor: APIClient) -> None:
    run(WITH_PEOPLE, WITH_LANG)

    [film] = visitor.get("/api/movies", {"search": "metropolis"}).json()["results"]
    assert film["directors"] == [{"id": Person.objects.get(name="Fritz Lang").pk, "name": "Fritz Lang"}]
    assert film["poster"] is None


def test_columns_in_any_order_and_films_in_that_of_the_file(run: Import) -> None:
    run(
        "genres,startYear,tconst,averageRating,primaryTitle",
        r"\N,1931,tt0022100,10,M",
        ",1927,tt0017136,0,N",
        r" \N ,1927,tt0018455,0,O",
    )

    assert titles() == ["M", "N", "O"]
    assert not Genre.objects.exists()


def test_a_second_time_nothing_is_touched(run: Import) -> None:
    lines = (WITH_PEOPLE, WITH_LANG, rf"{M},\N,")
    run(*lines)
    before = list(Film.objects.values()), list(Credit.objects.values()), list(Person.objects.values())

    assert run(*lines) == Result(0, "unchanged: 2 films are as the file has them\n", [])

    assert before == (
        list(Film.objects.values()),
        list(Credit.objects.values()),
        list(Person.objects.values()),
    )


@pytest.mark.parametrize(
    "changed",
    [
        WITH_LANG.replace("Metropolis", "Metropolis "),
        WITH_LANG.replace("Drama,Sci-Fi", "Sci-Fi, Drama"),
        WITH_LANG.replace("Fritz Lang", " Fritz Lang "),
    ],
)
def test_the_same_in_other_words(run: Import, changed: str) -> None:
    run(WITH_PEOPLE, WITH_LANG)

    assert run(WITH_PEOPLE, changed).output.startswith("unchanged: 1 films")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Metropolis", "Metropolis!"),
        ("1927", "1926"),
        ("8.3", "8.4"),
        ("Drama,Sci-Fi", "Drama"),
        ("Drama,Sci-Fi", r"\N"),
        ("Drama,Sci-Fi", "Drama,Crime,Sci-Fi"),
        ("Fritz Lang", "Thea von Harbou"),
        ("Fritz Lang", ""),
        ("Brigitte Helm|Gustav Fröhlich", "Gustav Fröhlich|Brigitte Helm"),
    ],
)
def test_what_differs_is_changed_alone(run: Import, old: str, new: str) -> None:
    run(WITH_PEOPLE, WITH_LANG, f"{M},Fritz Lang,Peter Lorre")
    film, other = Film.objects.order_by("id")

    result = run(WITH_PEOPLE, WITH_LANG.replace(old, new), f"{M},Fritz Lang,Peter Lorre")

    assert result == Result(0, "imported: 0 films added, 1 changed, 1 unchanged\n", [])
    assert Film.objects.get(pk=film.pk).updated_at > film.updated_at
    assert Film.objects.get(pk=film.pk).created_at == film.created_at
    assert Film.objects.get(pk=other.pk).updated_at == other.updated_at
    assert run(WITH_PEOPLE, WITH_LANG.replace(old, new)).output.startswith("unchanged: 1 films")


def test_columns_that_are_not_there_leave_credits(run: Import) -> None:
    run(WITH_PEOPLE, WITH_LANG)

    assert run(HEADER, METROPOLIS).output.startswith("unchanged: ")
    assert run(f"{HEADER},cast", f"{METROPOLIS},Heinrich George").output.startswith(
        "imported: 0 films added, 1"
    )

    film = Film.objects.get()
    assert credited(film, Credit.Role.DIRECTOR) == ["Fritz Lang"]
    assert credited(film, Credit.Role.CAST) == ["Heinrich George"]


def test_a_name_is_one_person_and_whom_an_editor_chose_stays(run: Import) -> None:
    run(WITH_PEOPLE, WITH_LANG, f"{M},Fritz Lang,")
    assert Person.objects.filter(name="Fritz Lang").count() == 1

    namesake = Person.objects.create(name="Fritz Lang")
    Credit.objects.filter(film__title="M").update(person=namesake)

    run(WITH_PEOPLE, f"{M.replace('8.3', '8.4')},Fritz Lang,", f"{SUNRISE},Fritz Lang,")

    assert Credit.objects.get(film__title="M").person == namesake
    assert Credit.objects.get(film__title="Sunrise").person != namesake


def test_whom_an_editor_chose_stays_in_a_list_that_changes(run: Import) -> None:
    run(WITH_PEOPLE, WITH_LANG, f"{M},Fritz Lang,")
    first = Person.objects.get(name="Fritz Lang")
    namesake = Person.objects.create(name="Fritz Lang")
    Credit.objects.filter(film__title="M").update(person=namesake)

    with_others = "Fritz Lang|Thea von Harbou,Fritz Lang"
    run(WITH_PEOPLE, f"{METROPOLIS},{with_others}", f"{M},{with_others}", f"{SUNRISE},{with_others}")

    def those_of(role: Credit.Role) -> dict[str, Person]:
        found = Credit.objects.filter(role=role, person__name="Fritz Lang").select_related("film", "person")
        return {credit.film.title: credit.person for credit in found}

    assert those_of(Credit.Role.DIRECTOR) == {"Metropolis": first, "M": namesake, "Sunrise": first}
    # Who directs a film need not be the one of that name who is in it.
    assert those_of(Credit.Role.CAST) == {"Metropolis": first, "M": first, "Sunrise": first}


def test_posters_and_films_of_others_stay(run: Import, make_film: MakeFilm) -> None:
    film = make_film("Drama")
    Film.objects.update(external_id="tt0017136", poster="posters/here.png")
    make_film(title="Of the house")

    run(HEADER, METROPOLIS.replace("1927", "1928"))

    film.refresh_from_db()
    assert (film.year, film.poster.name) == (1928, "posters/here.png")
    assert titles() == ["Metropolis", "Of the house"]


# --- what is read ---


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{METROPOLIS}\n".encode(),
        f"\ufeff{HEADER}\n{METROPOLIS}\n".encode(),
        f"{HEADER}\r\n{METROPOLIS}\r\n".encode(),
        f"{HEADER}\n\n{METROPOLIS}".encode(),
        gzip.compress(f"\ufeff{HEADER}\n{METROPOLIS}\n".encode()),
    ],
    ids=["plain", "bom", "crlf", "blank line, no last end", "gzip"],
)
def test_files(run: Import, content: bytes) -> None:
    assert run(content=content).code == 0
    assert titles() == ["Metropolis"]


@pytest.mark.parametrize(
    "title",
    ['He said "No"', "two\nlines", "two\r\nlines", "a\n\\.\nb", "a\tb\\c", "a\rb", "日本", "N,1,2", r"\."],
)
def test_titles_arrive_as_they_are(run: Import, title: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([HEADER.split(","), ["tt0000001", title, "1999", "5.0", "Drama"]])

    assert run(content=file.getvalue().encode()).code == 0
    assert titles() == [title]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_standard_input(transactional_db: None, compress: Callable[[bytes], bytes]) -> None:
    process = start_import()
    output, errors = process.communicate(compress(f"{HEADER}\n{METROPOLIS}\n".encode()), timeout=60)

    assert (process.returncode, errors) == (0, b"")
    assert output == b"imported: 1 films added, 0 changed, 0 unchanged\n"
    assert titles() == ["Metropolis"]


# --- what is refused ---


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the header is missing: write the names of the columns into line 1, in UTF-8"),
        ("tconst,préface".encode("utf-16"), "the header "),
        (
            f"{HEADER},votes,\x1b[2J".encode(),
            r"unknown columns 'votes', '\x1b[2J': known are tconst, primaryT",
        ),
        (b"tconst,genres,cast", "missing columns primaryTitle, startYear, averageRating: known are tconst, "),
        (f"{HEADER},cast,cast".encode(), "columns that are there twice: cast"),
        (gzip.compress(f"{HEADER}\n{M}\n".encode())[:-9], "Compressed file ended before the end-of-stream "),
        (b"\x1f\x8b" + bytes(20), "Unknown compression method"),
        (
            f"{HEADER}\n{M}\n".encode() + b'x,"\n' + b'","\n' * records.MAX_RECORD_BYTES,
            "line 3: quotes go on for more than 2097152 bytes: close them",
        ),
    ],
    ids=["empty", "utf-16", "unknown", "missing", "twice", "cut off", "no gzip", "endless"],
)
def test_files_of_which_nothing_can_be_made(run: Import, content: bytes, reason: str) -> None:
    result = run(content=content)

    assert (result.code, result.output) == (1, "")
    assert only_line("\n".join(result.errors)).startswith("nothing is imported: ")
    assert reason in result.errors[0]
    assert titles() == []


@pytest.mark.django_db
@pytest.mark.parametrize("options", [(), ("--report", "/not/there/either")])
def test_a_file_that_cannot_be_opened(options: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "films.csv"
    if options:
        file.touch()

    with pytest.raises(CommandError) as error:
        call_command("import_movies", str(file), *options)
    path = options[1] if options else file
    assert str(error.value) == f"nothing is imported: {path}: No such file or directory"


@pytest.mark.parametrize("name", ["films.csv", "link.csv"])
def test_a_report_does_not_write_over_the_file(run: Import, tmp_path: Path, name: str) -> None:
    (tmp_path / "link.csv").symlink_to("films.csv")

    result = run(HEADER, METROPOLIS, options=("--report", str(tmp_path / name)))

    assert (result.code, result.errors) == (
        1,
        [f"nothing is imported: {tmp_path / 'films.csv'}: --report would write over it: name another file"],
    )
    assert (tmp_path / "films.csv").read_text() == f"{HEADER}\n{METROPOLIS}\n"


LONG = "x" * 201


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (M.replace("tt0022100", "nm0022100"), "tconst 'nm0022100': write tt and 7 to 10 digits"),
        (M.replace("tt0022100", "tt123456"), "tconst 'tt123456': write"),
        (M.replace("tt0022100", r"\N"), r"tconst '\\N': write"),
        (M.replace("tt0022100", "tt002210\u0660"), r"tconst 'tt002210\u0660': write"),
        (M.replace("1931", "1887"), "startYear '1887': write a year from 1888 to 2100"),
        (M.replace("1931", "2101"), "startYear '2101': write"),
        (M.replace("1931", r"\N"), r"startYear '\\N': write"),
        (M.replace("1931", "y" * 99), f"startYear '{'y' * 40}...': write"),
        (M.replace("8.3", "10.1"), "averageRating '10.1': write a number from 0 to 10, to one decimal place"),
        (M.replace("8.3", "-0.1"), "averageRating '-0.1': write"),
        (M.replace("8.3", "8.25"), "averageRating '8.25': write"),
        (M.replace("8.3", "nan"), "averageRating 'nan': write"),
        (M.replace("8.3", ""), "averageRating '': write"),
        (M.replace(",M,", r",\N,"), "primaryTitle is missing"),
        (M.replace(",M,", ", ,"), "primaryTitle is missing"),
        (M.replace(",M,", f",{LONG},"), "primaryTitle has 201 characters, not 200 at most"),
        (M.replace("Crime", f'"Crime,{LONG}"'), "genres has a name of 201 characters, not 50 at most"),
        (M.replace("Crime", '"Crime,,Drama"'), "genres has an empty name"),
        (M.replace("Crime", r'"\N,\N"'), r"genres has \N among its names"),
        (M.replace("Crime", f'"{",".join(map(str, range(51)))}"'), "genres has 51 names, not 50 at most"),
        (f"{M},Drama", "has 6 columns, not 5"),
        ("tt0022100", "has 1 columns, not 5"),
        (M.replace(",M,", ",\0,"), "has a NUL byte"),
        (M.replace(",M,", ',"M,'), "has a quote that is not closed"),
        (M.replace(",M,", ',"M"x,'), "is not CSV: ',' expected after '\"'"),
        (M.replace(",M,", f",{'x' * 600_000},"), "has 524288 bytes or more"),
        (METROPOLIS, "tconst 'tt0017136' is in line 2 already"),
    ],
)
def test_lines_that_are_rejected(run: Import, line: str, reason: str) -> None:
    result = run(HEADER, METROPOLIS, line, SUNRISE)

    assert result.code == 3
    assert result.errors[0].startswith(f"line 3: {reason}")
    assert result.errors[1:] == ["lines rejected: 1, the others are imported"]
    assert titles() == ["Metropolis", "Sunrise"]


def test_lines_that_are_rejected_for_their_people(run: Import) -> None:
    result = run(
        WITH_PEOPLE,
        f"{METROPOLIS},Fritz Lang|,",
        f"{M},{LONG},",
        f"{SUNRISE},,Janet Gaynor|Janet Gaynor",
        f"tt0000001,A,1999,5.0,,,{'|'.join(map(str, range(501)))}",
        f"tt0000002,B,1999,5.0,,,{'|'.join(map(str, range(500)))}",
    )

    assert result.errors == [
        "line 2: directors has an empty name",
        "line 3: directors has a name of 201 characters, not 200 at most",
        "line 4: cast has somebody twice",
        "line 5: cast has 501 names, not 500 at most",
        "lines rejected: 4, the others are imported",
    ]
    assert titles() == ["B"]


def test_bytes_that_are_not_utf_8(run: Import) -> None:
    result = run(content=f"{HEADER}\n{M}\n".encode() + b"tt0000001,\xff,1999,5.0,\n" + SUNRISE.encode())

    assert result.errors[0] == "line 3: is not UTF-8"
    assert titles() == ["M", "Sunrise"]


def test_numbers_of_lines_after_quotes_over_several(run: Import) -> None:
    result = run(
        HEADER,
        'tt0000001,"two\nlines",1999,5.0,',  # lines 2 and 3
        'tt0000002,"not closed,1999,5.0,',  # 4
        "tt0000003,taken for a part of it,1999,5.0,",
        f"{METROPOLIS[:-1]}",  # 6
        f"{M},,",  # 7
        'tt0000004,"the last,1999,5.0,',  # 8
    )

    assert [error.split(": ")[0] for error in result.errors[:-1]] == ["line 4", "line 6", "line 7", "line 8"]
    assert titles() == ["two\nlines", "taken for a part of it"]


def test_repeated_ids_over_chunks(run: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_file, "CHUNK_LINES", 2)

    result = run(HEADER, M.replace("1931", "1"), METROPOLIS, M, SUNRISE, METROPOLIS, "x", M, METROPOLIS)

    assert [error.split(":")[0] for error in result.errors[:-1]] == [f"line {n}" for n in (2, 6, 7, 8, 9)]
    assert result.errors[1] == "line 6: tconst 'tt0017136' is in line 3 already"
    assert result.errors[4] == "line 9: tconst 'tt0017136' is in line 3 already"
    assert result.output == "imported: 3 films added, 0 changed, 0 unchanged\n"


def test_the_first_are_shown_and_all_reported(run: Import, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"

    result = run(HEADER, *(["x"] * 50), M, options=("--report", str(report)))

    assert len(result.errors) == 22
    assert result.errors[20] == "more lines are rejected: --report FILE has them all"
    with report.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["line", "reason"]
    assert [row[0] for row in rows[1:]] == [str(number) for number in range(2, 52)]


def test_strict(run: Import, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(film_file, "CHUNK_LINES", 1)
    report = tmp_path / "report.csv"

    result = run(HEADER, M, "x", SUNRISE, "y", options=("--strict", "--report", str(report)))

    assert (result.code, result.output) == (1, "")
    assert result.errors[2].endswith("films.csv: lines rejected: 2")
    assert len(report.read_text().splitlines()) == 3
    assert titles() == []
    assert run(HEADER, M, SUNRISE, options=("--strict",)).code == 0
    assert titles() == ["M", "Sunrise"]


@pytest.mark.parametrize("lines", [(M,), (M, "x"), (M, *(["x"] * 10_000))], ids=["none", "one", "many"])
def test_a_report_that_cannot_be_written(run: Import, lines: tuple[str, ...]) -> None:
    result = run(HEADER, *lines, options=("--report", "/dev/full"))

    assert (result.code, result.output) == (1, "")
    assert re.search("^nothing is imported: .* or /dev/full: No space left on device$", result.errors[-1])
    assert titles() == []


def test_lines_that_the_database_refuses(run: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "COPY", "COPY nowhere FROM STDIN")

    result = run(HEADER, M)

    assert (result.code, result.output) == (1, "")
    assert only_line("\n".join(result.errors)).startswith("nothing is imported: the database refuses it (")


# --- with others ---


def lines_of(count: int) -> Iterator[bytes]:
    yield f"{WITH_PEOPLE}\n".encode()
    for number in range(1, count + 1):
        yield f"tt{number:07},Film {number},2000,5.0,Drama,Director {number % 999},A {number}|B\n".encode()


@pytest.fixture
def half_way(transactional_db: None) -> Iterator[subprocess.Popen[bytes]]:
    """An import that has written some films, and waits for more lines."""
    process = start_import()
    assert process.stdin is not None
    process.stdin.writelines(lines_of(film_file.CHUNK_LINES * 3 // 2))
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while "ExclusiveLock" not in " ".join(locks_of("movies_credit")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield process
    process.kill()
    process.communicate()
    while locks_of("movies_credit"):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def locks_of(table: str) -> list[str]:
    """Those that others have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT mode FROM pg_locks WHERE relation = %s::regclass AND granted AND pid <> pg_backend_pid()",
            [table],
        )
        return [mode for (mode,) in cursor.fetchall()]


def test_meanwhile_the_api_reads_and_writes(
    half_way: subprocess.Popen[bytes], make_film: MakeFilm, visitor: APIClient
) -> None:
    film = make_film("Of the house")

    assert "RowExclusiveLock" in locks_of("movies_film")
    assert not {"AccessExclusiveLock", "ExclusiveLock", "ShareLock"} & set(locks_of("movies_film"))
    assert [found["id"] for found in visitor.get("/api/movies").json()["results"]] == [film.pk]

    output, errors = half_way.communicate(timeout=60)
    assert (half_way.returncode, without_progress(errors)) == (0, b"")
    assert output == b"imported: 15000 films added, 0 changed, 0 unchanged\n"
    assert Film.objects.count() == 15001


def test_killed_half_way_it_has_never_been(half_way: subprocess.Popen[bytes], run: Import) -> None:
    half_way.kill()
    half_way.communicate()
    deadline = time.monotonic() + 30
    while locks_of("movies_film"):
        assert time.monotonic() < deadline
        time.sleep(0.1)

    for model in (Film, Genre, Person, Credit, ImportedLine):
        assert model._default_manager.count() == 0
    assert run(HEADER, M).code == 0


def test_one_at_a_time(half_way: subprocess.Popen[bytes], run: Import) -> None:
    with connection.cursor() as cursor:
        # One that did not refuse would wait for the other's films, and that one for us to read on.
        cursor.execute("SET lock_timeout = '5s'")

    result = run(HEADER, M)

    assert (result.code, result.output) == (1, "")
    assert only_line("\n".join(result.errors)).endswith(
        "films.csv: another import is running: start this one again when it has ended"
    )
    half_way.communicate(timeout=60)
    assert run(HEADER, M).code == 0


def test_a_film_that_somebody_else_adds_at_the_same_time(transactional_db: None) -> None:
    other = connection.copy()
    with closing(other), other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "INSERT INTO movies_film (external_id, title, year, rating, poster, created_at, updated_at)"
            " VALUES ('tt0022100', 'Murderers among us', 1931, 8, '', now(), now())"
        )
        process = start_import()
        assert process.stdin is not None
        process.stdin.write(f"{HEADER}\n{M}\n".encode())
        process.stdin.close()
        process.stdin = None
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not cursor.execute(waiting) and cursor.fetchone() == (0,):
            assert process.poll() is None
            time.sleep(0.1)
        cursor.execute("COMMIT")

    output, errors = process.communicate(timeout=60)
    assert output == b"imported: 0 films added, 1 changed, 0 unchanged\n"
    assert without_progress(errors) == b""
    assert titles() == ["M"]
    assert [genre.name for genre in Film.objects.get().genres.all()] == ["Crime"]


@pytest.fixture
def restricted(transactional_db: None, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A role that has what the app's has: rows, and nothing else."""
    role, database = f"test_app_{uuid4().hex}", connection.settings_dict["NAME"]
    password = tmp_path / "password"
    password.write_text("of the tests")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'of the tests'")
        cursor.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
        cursor.execute(f'GRANT CONNECT ON DATABASE "{database}" TO {role}')
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        cursor.execute(f"GRANT SELECT, UPDATE, USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
        yield {"POSTGRES_USER": role, "POSTGRES_PASSWORD_FILE": str(password)}
        cursor.execute(f"DROP OWNED BY {role}")
        cursor.execute(f"DROP ROLE {role}")
        cursor.execute(f'GRANT CONNECT, TEMPORARY ON DATABASE "{database}" TO PUBLIC')


@pytest.mark.parametrize(
    "refused", ["CREATE TEMP TABLE x ()", "CREATE TABLE x ()", "TRUNCATE movies_importedline"]
)
def test_the_role_of_the_app_may_not(restricted: dict[str, str], refused: str) -> None:
    session = connection.copy()
    session.settings_dict |= {"USER": restricted["POSTGRES_USER"], "PASSWORD": "of the tests"}
    with closing(session), session.cursor() as cursor:
        cursor.execute("SELECT FROM movies_importedline")
        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute(refused)


def test_the_role_of_the_app_imports(restricted: dict[str, str]) -> None:
    for line, done in (
        (WITH_LANG, "1 films added, 0"),
        (WITH_LANG.replace("1927", "1928"), "0 films added, 1"),
    ):
        process = start_import(**restricted)
        output, errors = process.communicate(f"{WITH_PEOPLE}\n{line}\n".encode(), timeout=60)
        assert without_progress(errors) == b""
        assert output == f"imported: {done} changed, 0 unchanged\n".encode()


# --- how much and how far ---


PARAMETERS: dict[str, Any] = {
    "first": 1,
    "last": 2,
    "between_genres": ",",
    "between_people": "|",
    "added": [],
    "films": [1],
    "role": "cast",
    "namesakes": None,
}


@pytest.mark.parametrize("pages", [100, 25_000])
@pytest.mark.parametrize(
    "name", sorted(name for name in vars(statements) if name.isupper() and name != "COPY")
)
def test_no_index_is_gone_through_for_each_line(db: None, name: str, pages: int) -> None:
    """PostgreSQL may count while an import runs, of which it sees no row: any way is as good to it then."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_class SET relpages = %s, reltuples = 0"
            " WHERE relkind = 'r' AND starts_with(relname::text, 'movies_')",
            [pages],
        )
        FilmImport(cursor).begin()
        cursor.execute(f"EXPLAIN (FORMAT json) {getattr(statements, name)}", PARAMETERS)
        [(plans,)] = cursor.fetchall()

    scans = list(scans_of(plans[0]["Plan"]))
    # All of them have something to look up.
    assert scans
    assert [scan for scan in scans if "Index Cond" not in scan] == []


def scans_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those that read a table; a bitmap's is done by a part of it."""
    if plan["Node Type"] in {"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"}:
        yield plan
    for part in plan.get("Plans", ()):
        yield from scans_of(part)


# A process is charged with what its parent had before it became another program: this parent has little.
MEASURE = """
import resource, subprocess, sys
command = [sys.executable, "manage.py", "import_movies", sys.argv[1]]
subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_memory(file: Path) -> int:
    """In MB."""
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(file)],
        cwd=APP,
        env=os.environ | {"POSTGRES_DB": str(connection.settings_dict["NAME"])},
        stdout=subprocess.PIPE,
        check=True,
    )
    return int(measured.stdout) // 1024


def test_memory_does_not_grow_with_the_file(transactional_db: None, tmp_path: Path) -> None:
    # Blanks around titles make the file larger, and its films no harder to write.
    def padded(count: int) -> Iterator[bytes]:
        return (line.replace(b",Film", b"," + b" " * 1_000 + b"Film") for line in lines_of(count))

    def held(count: int) -> int:
        """In MB, by who keeps all lines."""
        return sum(map(sys.getsizeof, padded(count))) // 2**20

    # The smaller one fills what is held at once, too.
    few, many = film_file.CHUNK_LINES, 4 * film_file.CHUNK_LINES
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_bytes(b"".join(padded(few)))
    large.write_bytes(b"".join(padded(many)))

    least = peak_memory(small)
    most = peak_memory(large)

    assert Film.objects.count() == many
    # The positive control: to hold the lines would take twice what is allowed.
    assert held(many) - held(few) > 30
    assert most < least + 15
    assert most < 200


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (io.StringIO(), r" 50% of 2\.0 MB, 300 lines, [0-9,]+ lines/s, 0 s left\n"),
        (Terminal(), r"\r\x1b\[K\[#{15} {15}\]  50% of 2\.0 MB, 300 lines, [0-9,]+ lines/s, 0 s left"),
    ],
    ids=["log", "terminal"],
)
def test_progress(output: io.StringIO, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "TERMINAL_SECONDS", 0.01)
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.01)
    bar = progress.Progress(OutputWrapper(output), 2_000_000)

    bar.show(10, 3)
    assert output.getvalue() == ""
    time.sleep(0.02)
    bar.show(1_000_000, 300)
    assert re.fullmatch(shown, output.getvalue())


def test_progress_of_what_has_no_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOG_SECONDS", 0)
    output = io.StringIO()

    progress.Progress(OutputWrapper(output), None).show(1_500_000, 3)

    assert re.fullmatch(r"1\.5 MB, 3 lines, [0-9,]+ lines/s\n", output.getvalue())
