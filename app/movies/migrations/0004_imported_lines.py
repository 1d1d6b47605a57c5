from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("movies", "0003_film_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="ImportedLine",
            fields=[
                ("line", models.BigIntegerField(primary_key=True, serialize=False)),
                ("external_id", models.CharField(max_length=12)),
                ("title", models.CharField(max_length=200)),
                ("year", models.PositiveSmallIntegerField()),
                ("rating", models.DecimalField(decimal_places=1, max_digits=3)),
                ("genres", models.TextField()),
                ("directors", models.TextField(null=True)),
                ("cast", models.TextField(null=True)),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["external_id"], name="imported_line_by_external_id")],
            },
        ),
        # No line is there for longer than a transaction: a crash of the database takes nothing.
        migrations.RunSQL(
            "ALTER TABLE movies_importedline SET UNLOGGED", "ALTER TABLE movies_importedline SET LOGGED"
        ),
    ]
