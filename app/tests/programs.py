"""Programs that tests start."""

import os
import subprocess
import sys
from pathlib import Path

APP = Path(__file__).parent.parent


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py; a variable given as an empty string counts as not set."""
    return manage_in(APP, *arguments, **environment)


def manage_in(app: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the manage.py of a copy of the app."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=app,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def write_migration(migrations: Path, operations: str, *, atomic: bool = True) -> None:
    """The film app's last migration, 0099_change."""
    before = max(path.stem for path in migrations.glob("0*.py") if path.stem != "0099_change")
    (migrations / "0099_change.py").write_text(
        "from django.contrib.postgres.operations import AddIndexConcurrently\n"
        "from django.db import migrations, models\n"
        "from django_migration_linter import IgnoreMigration\n\n\n"
        "def write(apps, schema_editor):\n"
        '    apps.get_model("movies", "Genre").objects.create(name="written")\n\n\n'
        "class Migration(migrations.Migration):\n"
        f"    atomic = {atomic}\n"
        f'    dependencies = [("movies", "{before}")]\n'
        f"    operations = [{operations}]\n"
    )


def only_line(text: str) -> str:
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]
