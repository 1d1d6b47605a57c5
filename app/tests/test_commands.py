import json
import time
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection

from movies.management.commands import load_films
from movies.models import Credit, Film, Genre, Person
from tests.conftest import MakeFilm
from tests.environment import SECRET_FILE
from tests.programs import manage, only_line


def run(command: str, *arguments: str) -> str:
    output = StringIO()
    call_command(command, *arguments, stdout=output)
    return only_line(output.getvalue())


def test_wait_for_db_finds_it(empty_database: str) -> None:
    result = manage("wait_for_db", POSTGRES_DB=empty_database)

    assert result.returncode == 0
    assert only_line(result.stdout).startswith("database answered after ")


def test_wait_for_db_gives_up() -> None:
    start = time.monotonic()
    result = manage("wait_for_db", "--timeout", "1.2", POSTGRES_PORT="1")

    assert 1 <= time.monotonic() - start < 10
    assert result.returncode == 1
    assert only_line(result.stderr).startswith("CommandError: no database at ")
    assert "after 1.2 s: start it, or correct POSTGRES_HOST and POSTGRES_PORT" in result.stderr


def test_wait_for_db_takes_one_that_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False, True])

    def connect() -> None:
        if not next(answers):
            raise OperationalError("the database system is starting up")

    monkeypatch.setattr(connection, "ensure_connection", connect)

    assert run("wait_for_db").startswith("database answered after 1.")
    assert next(answers, None) is None


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("POSTGRES_PASSWORD_FILE", "refuses the password of user"),
        ("POSTGRES_DB", "lacks what POSTGRES_DB or POSTGRES_USER names"),
    ],
)
def test_wait_for_db_does_not_wait_in_vain(name: str, error: str) -> None:
    start = time.monotonic()
    value = str(SECRET_FILE) if name == "POSTGRES_PASSWORD_FILE" else "not-there"
    result = manage("wait_for_db", **{name: value})

    assert time.monotonic() - start < 20
    assert result.returncode == 1
    assert error in only_line(result.stderr)
    assert name in result.stderr


@pytest.fixture
def chief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a password be there for the first superuser."""
    monkeypatch.setenv("DJANGO_ADMIN_USERNAME", "chief")
    monkeypatch.setattr("sys.stdin", StringIO("first\nsecond\n"))


@pytest.mark.django_db
@pytest.mark.usefixtures("chief")
def test_ensure_admin_makes_one_and_then_leaves_it() -> None:
    assert run("ensure_admin") == 'created the superuser "chief"'
    assert run("ensure_admin") == "unchanged: there is a superuser"

    user = User.objects.get()
    assert (user.is_superuser, user.is_staff) == (True, True)
    assert user.check_password("first")
    assert not user.check_password("second")


@pytest.mark.django_db
@pytest.mark.usefixtures("chief")
def test_ensure_admin_does_not_bring_back_one_who_was_renamed() -> None:
    User.objects.create_superuser("boss")

    assert run("ensure_admin") == "unchanged: there is a superuser"
    assert [user.username for user in User.objects.all()] == ["boss"]


@pytest.mark.django_db
@pytest.mark.usefixtures("chief")
def test_ensure_admin_makes_no_superuser_of_somebody_else() -> None:
    User.objects.create_user("chief")

    with pytest.raises(CommandError, match='nobody is a superuser, and "chief" is somebody else'):
        run("ensure_admin")
    assert not User.objects.get().is_superuser


@pytest.mark.usefixtures("chief")
def test_ensure_admin_needs_a_name_and_a_password(empty_database: str) -> None:
    assert manage("migrate", POSTGRES_DB=empty_database).returncode == 0

    nameless = manage("ensure_admin", POSTGRES_DB=empty_database, DJANGO_ADMIN_USERNAME="")
    assert nameless.returncode == 1
    assert only_line(nameless.stderr).startswith("Error: DJANGO_ADMIN_USERNAME is not set: ")

    silent = manage("ensure_admin", POSTGRES_DB=empty_database)
    assert silent.returncode == 1
    assert "no password on standard input" in only_line(silent.stderr)


@pytest.mark.django_db(reset_sequences=True)
def test_load_films_fills_an_empty_database_once() -> None:
    assert run("load_films") == "loaded 30 films"
    assert run("load_films") == "unchanged: there are films already"

    first = Film.objects.get(pk=1)
    assert first.title == "The Shawshank Redemption"
    assert [genre.name for genre in first.genres.all()] == ["Drama"]
    directed = first.credits.filter(role=Credit.Role.DIRECTOR).values_list("person__name", flat=True)
    assert list(directed) == ["Frank Darabont"]
    assert Person.objects.get(name="Christopher Nolan").films.count() == 2
    assert Film.objects.count() == 30
    assert not Film.objects.filter(genres=None).exists()
    assert Film.objects.create(title="Next", year=2000, rating=5).pk == 31


@pytest.mark.django_db
def test_load_films_again_after_it_was_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = load_films.DATA
    films = json.loads(good.read_text())
    films[-1]["year"] = 1
    bad = tmp_path / "films.json"
    bad.write_text(json.dumps(films))

    monkeypatch.setattr(load_films, "DATA", bad)
    with pytest.raises(IntegrityError, match="film_year_in_range"):
        run("load_films")
    assert not Film.objects.exists()
    assert not Genre.objects.exists()

    monkeypatch.setattr(load_films, "DATA", good)
    run("load_films")
    assert Film.objects.filter(pk=1).exists()


def test_load_films_keeps_off_a_database_in_use(make_film: MakeFilm) -> None:
    film = make_film()

    assert run("load_films").startswith("unchanged: ")
    assert list(Film.objects.all()) == [film]
