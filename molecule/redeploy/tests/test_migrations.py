"""A migration that would break the code which still serves is refused, unless the user says so."""

from __future__ import annotations

from collections.abc import Callable

import release
from runs import extra
from scenario import PLAYBOOKS
from state import apis, assert_served, current, serving
from targets import Target
from traffic import Load

DESTRUCTIVE = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("proof", "{before}")]
    operations = [migrations.RemoveField("note", "colour")]
"""
COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'proof_note'"
NAME = "0050_no_colour"


def test_a_destructive_migration_is_refused_unless_allowed(
    host: Target, light_load: Load, new_release: Callable[..., str]
) -> None:
    before = serving(host), current(host), apis(host)
    name = new_release()
    migration = DESTRUCTIVE.format(before=release.last_migration())
    models = (release.APP / "proof/models.py").read_text()
    release.add(f"proof/migrations/{NAME}.py", migration)
    without = models.replace('    colour = models.TextField(default="")\n', "")
    (release.APP / "proof/models.py").write_text(without)

    with light_load("destructive migration") as traffic:
        refused = PLAYBOOKS.play("site.yml", "--tags=release")
        assert refused.status != 0
        said = refused.one_line
        assert f"proof.{NAME}: Remove field colour from note (DROP_COLUMN)" in said
        assert "stack_allow_destructive_migrations" in said
        assert (serving(host), current(host), apis(host)) == before
        assert "colour" in host.sql(COLUMNS).split()

        PLAYBOOKS.ship(extra(stack_allow_destructive_migrations=True))
    release.keep(f"proof/migrations/{NAME}.py", migration)
    release.keep("proof/models.py", without)
    traffic.assert_nothing_failed()
    assert "colour" not in host.sql(COLUMNS).split()
    assert_served(host, name)
