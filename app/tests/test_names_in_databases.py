"""Names of ours that databases already have: an app that is moved or renamed must keep them."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from api.apps import ApiConfig
from runtime.apps import RuntimeConfig, StaticFilesConfig

OURS = {"api", "movies", "runtime"}
# As the first release that was deployed has written them, and each since has added to them.
MIGRATIONS = {
    ("core", "0001_initial"),
    ("core", "0002_known_addresses"),
    ("movies", "0001_initial"),
    ("movies", "0002_people_and_search"),
    ("movies", "0003_film_indexes"),
    ("movies", "0004_imported_lines"),
}
TABLES = {
    "core_attempts",
    "core_knownaddress",
    "movies_credit",
    "movies_film",
    "movies_film_genres",
    "movies_genre",
    "movies_importedline",
    "movies_person",
}
MODELS = {
    ("core", "attempts"),
    ("core", "knownaddress"),
    ("movies", "credit"),
    ("movies", "film"),
    ("movies", "genre"),
    ("movies", "importedline"),
    ("movies", "person"),
}


def labels() -> set[str]:
    return {config.label for config in apps.get_app_configs() if config.name in OURS}


@pytest.mark.django_db
def test_migrations_models_and_tables_keep_their_names() -> None:
    applied = MigrationRecorder(connection).applied_migrations()
    assert {name for name in applied if name[0] in labels()} == MIGRATIONS

    models = ContentType.objects.filter(app_label__in=labels())
    assert set(models.values_list("app_label", "model")) == MODELS

    tables = connection.introspection.table_names()
    assert {name for name in tables if name.startswith(("api_", "core_", "movies_", "runtime_"))} == TABLES

    limited = Permission.objects.filter(content_type__app_label="core").values_list("codename", flat=True)
    assert set(limited) == {f"{action}_attempts" for action in ("add", "change", "delete", "view")}


@pytest.mark.django_db
def test_a_database_of_a_former_release_needs_nothing() -> None:
    """It is one with those names and no others."""
    recorder = MigrationRecorder(connection)
    known = recorder.migration_qs.filter(app__in=labels())
    known.delete()
    with pytest.raises(SystemExit):
        call_command("migrate", check_unapplied=True, verbosity=0)

    for app, name in MIGRATIONS:
        recorder.record_applied(app, name)

    call_command("migrate", check_unapplied=True, verbosity=0)


@pytest.mark.parametrize(
    ("label", "config"), [("core", ApiConfig), ("runtime", RuntimeConfig), ("staticfiles", StaticFilesConfig)]
)
def test_our_configurations_are_the_ones_in_use(label: str, config: type) -> None:
    """Django takes its own, without a word, where a module has two and none is the default."""
    assert type(apps.get_app_config(label)) is config
