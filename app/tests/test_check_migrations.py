from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from movies.models import Genre
from tests.conftest import AddMigration
from tests.programs import manage, only_line

ADD_NULL = 'migrations.AddField("film", "length", models.IntegerField(null=True))'
ADD_DEFAULT = 'migrations.AddField("film", "length", models.IntegerField(default=90))'
ADD_DB_DEFAULT = 'migrations.AddField("film", "country", models.CharField(max_length=2, db_default="?"))'
REMOVE = 'migrations.RemoveField("film", "poster")'
UNIQUE = 'models.UniqueConstraint(fields=["title", "year"], name="film_unique")'
INDEX = 'models.Index(fields=["year"], name="film_year")'
NEW_MODEL = 'migrations.CreateModel("Cinema", [("id", models.BigAutoField(primary_key=True))])'
NEW_FIELD = 'migrations.AddField("cinema", "name", models.CharField(max_length=9, default=""))'

pytestmark = pytest.mark.django_db(transaction=True)


def check() -> list[str]:
    output = StringIO()
    call_command("check_migrations", stdout=output)
    return output.getvalue().splitlines()


def refused() -> list[str]:
    with pytest.raises(CommandError, match="would break the release that serves") as error:
        check()
    return str(error.value).splitlines()[1:]


def test_nothing_to_do() -> None:
    assert check() == ["unchanged: there is no unapplied migration"]


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        (REMOVE, "Remove field poster from film (DROP_COLUMN)"),
        (
            'migrations.RenameField("film", "title", "name")',
            "Rename field title on film to name (RENAME_COLUMN)",
        ),
        ('migrations.AlterModelTable("Genre", "kinds")', "Rename table for Genre to kinds (RENAME_TABLE)"),
        ('migrations.DeleteModel("Film")', "Delete model Film (DROP_TABLE)"),
        (
            'migrations.AlterField("film", "year", models.TextField())',
            "Alter field year on film (ALTER_COLUMN)",
        ),
        (ADD_DEFAULT, "Add field length to film (NOT_NULL)"),
        (
            f'migrations.AddConstraint("film", {UNIQUE})',
            "Create constraint film_unique on model film (ADD_UNIQUE)",
        ),
        (
            'migrations.RunSQL("-- not needed\\nalter table movies_film\\n drop column poster;")',
            "Raw SQL operation (DROP_COLUMN)",
        ),
        ('migrations.RunSQL("select 1; drop table movies_genre")', "Raw SQL operation (DROP_TABLE)"),
        (
            f"migrations.SeparateDatabaseAndState(database_operations=[{REMOVE}])",
            "Custom state/database change combination (DROP_COLUMN)",
        ),
    ],
)
def test_what_breaks_the_old_release_is_named(
    add_migration: AddMigration, operation: str, named: str
) -> None:
    add_migration(operation)

    assert refused() == [f"movies.0099_change: {named}"]


def test_a_default_excuses_its_own_column_alone(add_migration: AddMigration) -> None:
    add_migration(f"{ADD_DEFAULT}, {ADD_DB_DEFAULT}")

    assert refused() == ["movies.0099_change: Add field length to film (NOT_NULL)"]


@pytest.mark.parametrize(
    "operations",
    [
        ADD_NULL,
        ADD_DB_DEFAULT,
        'migrations.AlterField("film", "year", models.PositiveSmallIntegerField(help_text="of release"))',
        f"migrations.SeparateDatabaseAndState(state_operations=[{REMOVE}], database_operations=["
        'migrations.AlterField("film", "poster", models.ImageField(upload_to="x", db_default=""))])',
        'migrations.RunSQL("CREATE VIEW old AS SELECT 1", "DROP TABLE movies_film")',
        "migrations.RunPython(write)",
        f'{NEW_MODEL}, {NEW_FIELD}, migrations.RenameModel("Cinema", "Place"),'
        ' migrations.RemoveField("place", "name"), migrations.DeleteModel("Place")',
    ],
)
def test_what_the_old_release_does_not_notice_passes(add_migration: AddMigration, operations: str) -> None:
    add_migration(operations)

    assert check() == ["unapplied migrations: 1, none breaks the release that serves"]
    assert not Genre.objects.exists()


def test_a_table_that_is_new_does_not_excuse_an_old_one(add_migration: AddMigration) -> None:
    add_migration(f"{NEW_MODEL}, {REMOVE}")

    assert refused() == ["movies.0099_change: Remove field poster from film (DROP_COLUMN)"]


def test_what_only_locks_is_a_warning(add_migration: AddMigration) -> None:
    add_migration(f'migrations.AddIndex("film", {INDEX})')

    assert check() == [
        "warning: movies.0099_change: Create index film_year on field(s) year of model film (CREATE_INDEX)",
        "unapplied migrations: 1, none breaks the release that serves",
    ]


def test_a_migration_can_say_that_it_is_safe(add_migration: AddMigration) -> None:
    add_migration(f"IgnoreMigration(), {REMOVE}")

    assert check()[0] == "warning: movies.0099_change: not checked, as it says itself (IgnoreMigration)"


def test_code_that_runs_anyway_cannot_write(add_migration: AddMigration) -> None:
    add_migration("migrations.SeparateDatabaseAndState(database_operations=[migrations.RunPython(write)])")

    [line] = refused()
    assert line.startswith(
        "movies.0099_change: cannot be judged beforehand (cannot execute INSERT in a read-only"
    )
    assert not Genre.objects.exists()
    Genre.objects.create(name="The session may write again")


def test_tables_are_as_before(add_migration: AddMigration) -> None:
    before = connection.introspection.table_names()
    add_migration(f"{NEW_MODEL}, {ADD_NULL}")

    check()

    assert connection.introspection.table_names() == before


def test_first_deploy_has_nothing_to_break(empty_database: str) -> None:
    result = manage("check_migrations", POSTGRES_DB=empty_database)

    assert (result.returncode, result.stderr) == (0, "")
    assert only_line(result.stdout) == "nothing to break: the database is empty"


def test_without_a_database(empty_database: str) -> None:
    result = manage("check_migrations", POSTGRES_DB=empty_database, POSTGRES_PORT="1")

    assert result.returncode == 1
    assert only_line(result.stderr).startswith("CommandError: no database to check against: start it, ")
    assert manage("check_migrations", POSTGRES_DB=empty_database).returncode == 0
