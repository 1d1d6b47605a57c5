"""A run that is killed leaves a service that answers, and the next run finishes its work."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import FILM, REPOSITORY, Target, deploy, killed_at

HOST = "debian13"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the app that may be changed."""
    app = tmp_path_factory.mktemp("killed") / "app"
    shutil.copytree(REPOSITORY / "app", app)
    return app


@pytest.fixture(scope="module", autouse=True)
def restored() -> object:
    """Bring the project's own app back at the end."""
    yield
    deploy(f"--limit={HOST}")


@pytest.mark.parametrize(
    "task",
    [
        "Push the archive",
        "Build django/api",
        "Describe the stack to Compose",
        "Start what is missing or changed",
        "Run manage.py",
    ],
)
def test_a_killed_run_is_finished_by_the_next(targets: dict[str, Target], app: Path, task: str) -> None:
    target = targets[HOST]
    before = target.container("api")["Config"]["Image"]
    with (app / "config/wsgi.py").open("a") as file:
        file.write(f"# killed at: {task}\n")
    args = (f"--limit={HOST}", "--extra-vars", f"images_app_dir={app}")

    killed_at(task, *args)
    deploy(*args)

    assert target.container("api")["Config"]["Image"] != before
    assert sorted(target.containers()) == ["django-api-1", "django-db-1", "django-nginx-1"]
    assert target.request(FILM).status == 200
    assert target.run("ls -A /srv/django/build") == "make-base"
