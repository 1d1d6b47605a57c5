import os
import subprocess
import sys
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from core.management.commands import migrate
from tests.programs import APP, manage


@pytest.mark.django_db
def test_models_have_their_migrations() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def start_migrate(database: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate", "--noinput"],
        cwd=APP,
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
