import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from runtime.management.commands import migrate
from tests.conftest import AddMigration
from tests.programs import APP, manage, write_migration

ADD_FIELD = 'migrations.AddField("film", "length", models.IntegerField(null=True))'
READ = "SELECT count(*) FROM movies_film"


@pytest.mark.django_db
def test_models_have_their_migrations() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def start_migrate(database: str, app: Path = APP) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate", "--noinput"],
        cwd=app,
        env=os.environ | {"POSTGRES_DB": database},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_four_at_once_on_an_empty_database(empty_database: str) -> None:
    runs = [start_migrate(empty_database) for _ in range(4)]
    outputs = [run.communicate(timeout=120)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0, 0], outputs
    assert sum("Applying movies.0001_initial... OK" in output for output in outputs) == 1
    assert manage("migrate", "--check", POSTGRES_DB=empty_database).returncode == 0


@pytest.mark.django_db(transaction=True)
def test_one_waits_for_the_other() -> None:
    database = str(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [migrate.LOCK_ID])
        second = start_migrate(database)
        assert second.stdout is not None
        assert second.stdout.readline() == "waiting for another migrate to finish\n"
        time.sleep(1)
        assert second.poll() is None
        cursor.execute("SELECT pg_advisory_unlock(%s)", [migrate.LOCK_ID])

    output, _ = second.communicate(timeout=60)
    assert second.returncode == 0, output


@pytest.mark.django_db(transaction=True)
def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "TIMEOUT_SECONDS", 1)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [migrate.LOCK_ID])
            with pytest.raises(CommandError, match="another migrate has been running for 1 s"):
                call_command("migrate", stdout=StringIO())
    finally:
        other.close()
    call_command("migrate", stdout=StringIO())


@contextmanager
def session(database: str) -> Iterator[Any]:
    """A session of its own, as another program would have."""
    other = connection.copy()
    other.settings_dict["NAME"] = database
    with closing(other), other.cursor() as cursor:
        yield cursor


@pytest.fixture
def next_release(empty_database: str, tmp_path: Path) -> Path:
    """A copy of the app with one migration more, and a database that lacks only that one."""
    assert manage("migrate", POSTGRES_DB=empty_database).returncode == 0
    app = tmp_path / "app"
    shutil.copytree(APP, app)
    write_migration(app / "movies/migrations", ADD_FIELD)
    return app


def columns(database: str) -> set[str]:
    with session(database) as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'movies_film'")
        return {name for (name,) in cursor.fetchall()}


def longest_read(database: str, end: threading.Event) -> float:
    longest = 0.0
    with session(database) as cursor:
        while not end.is_set():
            begin = time.monotonic()
            cursor.execute(READ)
            longest = max(longest, time.monotonic() - begin)
            time.sleep(0.02)
    return longest


def test_an_open_reader_holds_up_the_migration_but_nobody_else(
    empty_database: str, next_release: Path
) -> None:
    end, longest = threading.Event(), []
    others = threading.Thread(target=lambda: longest.append(longest_read(empty_database, end)))
    with session(empty_database) as reader:
        reader.execute("BEGIN")
        reader.execute(READ)
        others.start()
        run = start_migrate(empty_database, next_release)
        assert run.stdout is not None
        output = ""
        while "tries again (2 of" not in output:
            output += run.stdout.readline()
            assert run.poll() is None, output
        assert "length" not in columns(empty_database)
        reader.execute("COMMIT")
    output, _ = run.communicate(timeout=60)
    end.set()
    others.join()

    assert run.returncode == 0, output
    assert "length" in columns(empty_database)
    # That they waited at all shows that the reader was in the way.
    assert 1 < longest[0] < migrate.TABLE_LOCK_SECONDS + 1


def test_one_that_is_not_atomic_waits_instead(empty_database: str, next_release: Path) -> None:
    index = 'AddIndexConcurrently("film", models.Index(fields=["year"], name="film_year"))'
    write_migration(next_release / "movies/migrations", index, atomic=False)
    with session(empty_database) as reader, session(empty_database) as observer:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute(READ)
        run = start_migrate(empty_database, next_release)
        assert run.stdout is not None
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not observer.execute(waiting) and observer.fetchone() == (0,):
            assert run.poll() is None
            time.sleep(0.1)
        time.sleep(migrate.TABLE_LOCK_SECONDS + 1)
        assert run.poll() is None
        reader.execute("COMMIT")
    output, _ = run.communicate(timeout=60)

    assert run.returncode == 0, output
    assert "tries again" not in output


@pytest.mark.parametrize("left", ["finished", "not finished"])
def test_indexes_that_a_killed_run_has_left(empty_database: str, left: str) -> None:
    assert manage("migrate", POSTGRES_DB=empty_database).returncode == 0
    assert manage("migrate", "movies", "0002", POSTGRES_DB=empty_database).returncode == 0
    with session(empty_database) as cursor:
        cursor.execute("CREATE INDEX CONCURRENTLY film_by_year ON movies_film (year, id)")
        if left == "not finished":
            cursor.execute(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'film_by_year'::regclass"
            )

        run = manage("migrate", POSTGRES_DB=empty_database)

        assert run.returncode == 0, run.stderr
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'film_by_year'::regclass")
        assert cursor.fetchone() == (True,)
    assert manage("migrate", "--check", POSTGRES_DB=empty_database).returncode == 0
    # The way back does not mind what the way there has dropped.
    assert manage("migrate", "movies", "0002", POSTGRES_DB=empty_database).returncode == 0


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_never_ends(add_migration: AddMigration, monkeypatch: pytest.MonkeyPatch) -> None:
    database = str(connection.settings_dict["NAME"])
    locked = []

    def try_lock(*_seconds: float) -> None:
        with session(database) as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [migrate.LOCK_ID])
            locked.append(cursor.fetchone()[0])

    add_migration(ADD_FIELD)
    monkeypatch.setattr(migrate, "TABLE_LOCK_SECONDS", 1)
    monkeypatch.setattr(migrate, "TABLE_LOCK_TRIES", 3)
    monkeypatch.setattr(time, "sleep", try_lock)
    with session(database) as reader:
        reader.execute("BEGIN")
        reader.execute(READ)
        with pytest.raises(CommandError) as error:
            call_command("migrate", stdout=StringIO())
        reader.execute("ROLLBACK")

    assert str(error.value) == (
        "movies.0099_change found its tables in use 3 times, for 1 s each: look for the oldest transaction in"
        " pg_stat_activity, end it there, and migrate again"
    )
    try_lock()
    # Nobody else could migrate between the tries, and anybody can now.
    assert locked == [False, False, True]
    assert "length" not in columns(database)
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_a_migration_that_fails_leaves_nothing_behind(empty_database: str, next_release: Path) -> None:
    migrations = next_release / "movies/migrations"
    before = columns(empty_database)
    write_migration(migrations, f'{ADD_FIELD}, migrations.RunSQL("SELECT 1 / 0")')

    output, _ = start_migrate(empty_database, next_release).communicate(timeout=60)

    assert "division by zero" in output
    assert columns(empty_database) == before
    assert manage("migrate", "--check", POSTGRES_DB=empty_database).returncode == 0
    write_migration(migrations, ADD_FIELD)
    run = start_migrate(empty_database, next_release)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 0, output
    assert columns(empty_database) == before | {"length"}
