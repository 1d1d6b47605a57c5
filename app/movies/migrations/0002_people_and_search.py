import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The generated column writes the table of films anew: a second or two for each million of them."""

    dependencies = [
        ("movies", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="film",
            name="external_id",
            field=models.CharField(
                blank=True,
                help_text="In IMDb: tt and 7 to 10 digits.",
                max_length=12,
                null=True,
                unique=True,
                validators=[
                    django.core.validators.RegexValidator(
                        "^tt[0-9]{7,10}\\Z", "Write tt and 7 to 10 digits."
                    )
                ],
            ),
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                (
                    "external_id",
                    models.CharField(
                        blank=True,
                        help_text="In IMDb: nm and 7 to 10 digits.",
                        max_length=12,
                        null=True,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^nm[0-9]{7,10}\\Z", "Write nm and 7 to 10 digits."
                            )
                        ],
                    ),
                ),
                (
                    "search",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.contrib.postgres.search.SearchVector(
                            "name", config="simple"
                        ),
                        output_field=django.contrib.postgres.search.SearchVectorField(
                            null=True
                        ),
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "people",
                "indexes": [
                    models.Index(fields=["name", "id"], name="person_by_name"),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["search"], name="person_search"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Credit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("director", "Director"), ("cast", "Cast")],
                        max_length=8,
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(
                        help_text="Among those of the same role."
                    ),
                ),
                (
                    "film",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="credits",
                        to="movies.film",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credits",
                        to="movies.person",
                    ),
                ),
            ],
            options={
                "ordering": ("role", "position"),
            },
        ),
        migrations.AddField(
            model_name="film",
            name="people",
            field=models.ManyToManyField(
                related_name="films", through="movies.Credit", to="movies.person"
            ),
        ),
        migrations.AddConstraint(
            model_name="credit",
            constraint=models.UniqueConstraint(
                fields=("film", "role", "person"), name="credit_once_in_a_role"
            ),
        ),
        migrations.AddField(
            model_name="film",
            name="search",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.contrib.postgres.search.SearchVector(
                    "title", config="simple"
                ),
                output_field=django.contrib.postgres.search.SearchVectorField(
                    null=True
                ),
            ),
        ),
    ]
