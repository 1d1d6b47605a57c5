import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from tests.programs import manage, only_line

ASK = """
from django.test import Client
print(Client(headers={{'host': 'localhost'}}).get('/health/{}').status_code)
"""


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["testserver", "127.0.0.1:9000", "localhost"])
def test_healthy(client: Client, host: str) -> None:
    for path, status in (("live", "alive"), ("ready", "ready")):
        answer = client.get(f"/health/{path}", headers={"host": host})
        assert (answer.status_code, answer.json()) == (200, {"status": status})
        assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_not_ready_before_migrations(client: Client) -> None:
    MigrationRecorder(connection).record_unapplied("movies", "0004_imported_lines")

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "reason": "unapplied migrations: movies.0004_imported_lines",
    }
    assert client.get("/health/live").status_code == 200


@pytest.mark.django_db
def test_wrong_host_is_told_why(client: Client) -> None:
    answer = client.get("/health/ready", headers={"host": "elsewhere"})

    assert answer.status_code == 400
    assert answer.json()["detail"] == "not a host name of this API: see DJANGO_ALLOWED_HOSTS"
    assert client.get("/health/ready", headers={"host": "testserver"}).status_code == 200


def test_alive_but_not_ready_without_database() -> None:
    results = [
        manage("shell", "--no-imports", "-c", ASK.format(path), POSTGRES_PORT="1")
        for path in ("live", "ready")
    ]

    assert [only_line(result.stdout) for result in results] == ["200", "503"]
    assert "not ready: the database does not answer: " in results[1].stderr
