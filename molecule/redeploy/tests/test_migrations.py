"""A migration may take long, but it must not break the code which still serves, unless the user says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import release
from crash import kill_rollout
from runs import extra, kill
from scenario import PLAYBOOKS
from state import WHOLE, apis, assert_served, current, serving, whole_form
from targets import Target
from traffic import Load
from waiting import wait_until

DESTRUCTIVE = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("proof", "{before}")]
    operations = [migrations.RemoveField("note", "colour")]
"""
COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'proof_note'"
NAME = "0050_no_colour"


SLOW_MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("proof", "{before}")]
    operations = [
        migrations.AddField("note", "{column}", models.IntegerField(null=True)),
        migrations.RunSQL("SELECT pg_sleep({seconds})"),
    ]
"""
# In the whole form, more than twice what a container is given to start.
SECONDS, START = (180, 75) if WHOLE else (20, 300)
SLEEPERS = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()"


@dataclass(frozen=True)
class Slow:
    """A migration that adds a column, and keeps the table locked for some time.

    Attributes:
        name: Its name.
        column: The column's name.
        before: The migration that it follows.
    """

    name: str
    column: str
    before: str

    def bring(self, seconds: int, put: Callable[[str, str], None]) -> None:
        """Have the release bring it, with the model that it belongs to."""
        text = SLOW_MIGRATION.format(before=self.before, column=self.column, seconds=seconds)
        field = f"\n    {self.column} = models.IntegerField(null=True)\n"
        model = (release.APP / "proof/models.py").read_text()
        put(f"proof/migrations/{self.name}.py", text)
        put("proof/models.py", model if field in model else model + field)


def put(path: str, content: str) -> None:
    """Put a file into this release alone."""
    (release.APP / path).write_text(content)


def is_free(host: Target) -> bool:
    """Tell whether no migration runs in the database any more."""
    return host.sql(SLEEPERS) == "0"


def test_a_destructive_migration_is_refused_unless_allowed_and_may_take_long(
    host: Target, light_load: Load, new_release: Callable[..., str]
) -> None:
    before = serving(host), current(host), apis(host)
    name = new_release()
    release.add(f"proof/migrations/{NAME}.py", DESTRUCTIVE.format(before=release.last_migration()))
    models = (release.APP / "proof/models.py").read_text()
    put("proof/models.py", models.replace('    colour = models.TextField(default="")\n', ""))

    with light_load("destructive migration") as traffic:
        refused = PLAYBOOKS.play("site.yml", "--tags=release")
        assert refused.status != 0
        said = refused.one_line
        assert f"proof.{NAME}: Remove field colour from note (DROP_COLUMN)" in said
        assert "stack_allow_destructive_migrations" in said
        assert (serving(host), current(host), apis(host)) == before
        assert "colour" in host.sql(COLUMNS).split()

        release.keep(f"proof/migrations/{NAME}.py", (release.APP / f"proof/migrations/{NAME}.py").read_text())
        slow = Slow("0060_slow", "length", NAME)
        slow.bring(SECONDS, release.keep)
        shipped = PLAYBOOKS.ship(extra(stack_allow_destructive_migrations=True, stack_start_timeout=START))
    traffic.assert_nothing_failed()
    assert f"Migrating host: proof.{slow.name} runs since " in shipped.output
    assert f"applied proof.{slow.name}" in shipped.output
    columns = host.sql(COLUMNS).split()
    assert "colour" not in columns
    assert slow.column in columns
    assert_served(host, name)


def test_a_migration_is_given_up_in_time(
    host: Target, light_load: Load, new_release: Callable[..., str], good_release: str
) -> None:
    before = serving(host), current(host), apis(host)
    new_release()
    slow = Slow("0065_given_up", "width", release.last_migration())
    slow.bring(600, put)

    with light_load("migration that is given up") as traffic:
        refused = PLAYBOOKS.play("site.yml", "--tags=release", extra(stack_migration_timeout=10))
        assert refused.status != 0
        why = f"the migrations have not ended after 10 s, and the one that ran was ended: proof.{slow.name}."
        assert why in refused.one_line
        assert (serving(host), current(host), apis(host)) == before
        wait_until("its backend has ended", lambda: is_free(host))
        # Whatever it has locked is free, and its changes are undone.
        assert slow.column not in host.sql(COLUMNS).split()
    traffic.assert_nothing_failed()
    # What a deploy would ship is good again.
    release.make(good_release)


@whole_form
def test_a_migration_that_is_killed_half_way_is_done_by_the_next_run(
    host: Target, light_load: Load, new_release: Callable[..., str]
) -> None:
    name = new_release()
    slow = Slow("0070_slower", "weight", release.last_migration())
    slow.bring(SECONDS, release.keep)

    with light_load("migration that is killed half-way") as traffic:
        with PLAYBOOKS.start("--tags=release") as process:
            wait_until("the migration runs", lambda: not is_free(host))
            assert kill_rollout(host, "beside", 0) > 0
            kill(process)
        PLAYBOOKS.ship()
    traffic.assert_nothing_failed()
    assert slow.column in host.sql(COLUMNS).split()
    assert_served(host, name)
