from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Attempts",
            fields=[
                ("key", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("count", models.PositiveIntegerField()),
                ("ends_at", models.DateTimeField(db_index=True)),
            ],
        ),
        # Not worth a wait for the disk: what a crash of the database takes is a minute's counts.
        migrations.RunSQL(
            "ALTER TABLE core_attempts SET UNLOGGED", "ALTER TABLE core_attempts SET LOGGED"
        ),
    ]
