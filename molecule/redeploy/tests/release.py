"""Makes releases: copies of the app that say their names in each answer, some of them broken on purpose.

Run as a program, it makes the one that the scenario begins with: release.py NAME
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

SCENARIO = Path(__file__).resolve().parents[1]
REPOSITORY = SCENARIO.parents[1]
# The inventory has it as images_app_dir.
APP = REPOSITORY / ".cache/redeploy/app"

# Where a release says who it is.
NAME = "proof/static/proof/release.txt"

SETTINGS = """
INSTALLED_APPS += ["proof"]
MIDDLEWARE.insert(0, "proof.middleware.say_release")
ROOT_URLCONF = "proof.urls"
"""

# Migrations stay in the database, so a release that follows must have those of the releases before.
_kept: dict[str, str] = {}


def make(name: str, **changes: str) -> None:
    """Make APP a release of that name.

    Args:
        name: What the release says that it is.
        changes: What is added to the end of files, by their path with "__" for "/" and without ".py".
    """
    shutil.rmtree(APP, ignore_errors=True)
    shutil.copytree(REPOSITORY / "app", APP, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    shutil.copytree(SCENARIO / "proof", APP / "proof", ignore=shutil.ignore_patterns("__pycache__"))
    (APP / NAME).parent.mkdir(parents=True)
    (APP / NAME).write_text(f"{name}\n")
    for path, content in _kept.items():
        (APP / path).write_text(content)
    add("config/settings.py", SETTINGS)
    for path, content in changes.items():
        add(f"{path.replace('__', '/')}.py", content)


def name() -> str:
    """Return the name of the release that a deploy would ship."""
    return (APP / NAME).read_text().strip()


def add(path: str, content: str) -> None:
    """Add to the end of a file of the release."""
    with (APP / path).open("a") as file:
        file.write(content)


def keep(path: str, content: str) -> None:
    """Put a file into this release and those that are made later."""
    _kept[path] = content
    (APP / path).write_text(content)


def last_migration() -> str:
    """Return the name of the last migration that these tests have added."""
    return max(path.stem for path in (APP / "proof/migrations").glob("0*.py"))


def static_path(name: str) -> str:
    """Return where nginx has the static file of a release: Django puts its content's hash into the name."""
    digest = hashlib.md5(f"{name}\n".encode()).hexdigest()
    return f"/static/static/proof/release.{digest[:12]}.txt"


if __name__ == "__main__":
    make(sys.argv[1])
