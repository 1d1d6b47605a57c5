import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.operations.base import Operation


def add(index: models.Index) -> list[Operation]:
    return [
        # A run that was killed has left it behind, finished or not, and is not noted: the next makes it anew.
        migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}", migrations.RunSQL.noop),
        AddIndexConcurrently(model_name="film", index=index),
    ]


class Migration(migrations.Migration):
    """Beside the release that serves, whose writes an index would otherwise hold up while it is built."""

    atomic = False

    dependencies = [
        ("movies", "0002_people_and_search"),
    ]

    operations = [
        *add(models.Index(fields=["year", "id"], name="film_by_year")),
        *add(models.Index(fields=["rating", "id"], name="film_by_rating")),
        *add(models.Index(fields=["title", "id"], name="film_by_title")),
        *add(django.contrib.postgres.indexes.GinIndex(fields=["search"], name="film_search")),
    ]
