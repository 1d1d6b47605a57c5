import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Beside the release that serves, whose writes an index would otherwise hold up while it is built."""

    atomic = False

    dependencies = [
        ("movies", "0002_people_and_search"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="film",
            index=models.Index(fields=["year", "id"], name="film_by_year"),
        ),
        AddIndexConcurrently(
            model_name="film",
            index=models.Index(fields=["rating", "id"], name="film_by_rating"),
        ),
        AddIndexConcurrently(
            model_name="film",
            index=models.Index(fields=["title", "id"], name="film_by_title"),
        ),
        AddIndexConcurrently(
            model_name="film",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["search"], name="film_search"
            ),
        ),
    ]
