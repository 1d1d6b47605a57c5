import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from PIL import Image
from pytest_django import Settings
from rest_framework.test import APIClient

from movies.models import Film, Genre
from tests.environment import FOLDER
from tests.programs import APP, write_migration

AddMigration = Callable[[str], None]
MakeFilm = Callable[..., Film]
MakeImage = Callable[..., SimpleUploadedFile]


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: Settings) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture(autouse=True)
def cheap_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def visitor() -> APIClient:
    return APIClient()


@pytest.fixture
def editor(db: None) -> APIClient:
    """A client logged in as someone who may change films, and nothing else."""
    user = User.objects.create_user("editor")
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="movies", codename__endswith="film")
    )
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def make_film(db: None) -> MakeFilm:
    def make(*genres: str, title: str = "Metropolis", year: int = 1927, rating: str = "8.3") -> Film:
        film = Film.objects.create(title=title, year=year, rating=rating)
        film.genres.set([Genre.objects.get_or_create(name=name)[0] for name in genres])
        return film

    return make


@pytest.fixture
def make_image() -> MakeImage:
    def make(name: str = "poster.png", image_format: str = "PNG", colour: str = "red") -> SimpleUploadedFile:
        content = BytesIO()
        Image.new("RGB", (8, 12), colour).save(content, image_format)
        return SimpleUploadedFile(name, content.getvalue(), "image/png")

    return make


@pytest.fixture
def empty_database(transactional_db: None) -> Iterator[str]:
    name = f"test_empty_{uuid4().hex}"
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
        yield name
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def add_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> AddMigration:
    """Gives the film app an unapplied migration; its own stay applied."""

    def add(operations: str) -> None:
        package = tmp_path / f"migrations_{uuid4().hex}"
        shutil.copytree(APP / "movies/migrations", package)
        write_migration(package, operations)
        monkeypatch.syspath_prepend(tmp_path)
        settings.MIGRATION_MODULES = {"movies": package.name}

    return add


@pytest.fixture(scope="session")
def collected_static() -> Path:
    """What the admin's pages need to be rendered."""
    call_command("collectstatic", interactive=False, verbosity=0)
    return FOLDER / "static"
