"""A release that can't be served changes nothing, and the run says which step failed and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import release
from runs import extra
from scenario import PLAYBOOKS
from state import apis, current, serving, whole_form
from targets import Target
from traffic import Load

NEVER_READY = """
from django.http import HttpResponse
urlpatterns.insert(0, path("health/ready", lambda _: HttpResponse("ready at no time", status=503)))
"""
LIMIT = '\nimport os\nint(os.environ.get("PROOF_LIMIT", "1"))\n'
FAILING_MIGRATION = """
from django.db import migrations


def fail(*_):
    raise RuntimeError("this migration fails")


class Migration(migrations.Migration):
    dependencies = [("proof", "{before}")]
    operations = [migrations.RunPython(fail, migrations.RunPython.noop)]
"""


@dataclass(frozen=True)
class Bad:
    step: str  # what the run must name
    why: str  # what the container, or the build, said last
    changes: dict[str, str] = field(default_factory=dict)
    migration: str = ""
    variables: dict[str, object] = field(default_factory=dict)


BAD = {
    "does not build": Bad(
        "An image can't be built on localhost",
        "Unable to locate package no-such-package",
        variables={"images_app_packages": ["no-such-package"]},
    ),
    "never ready": Bad(
        "new API container",
        "ready at no time",
        changes={"proof__urls": NEVER_READY},
    ),
    "failing migration": Bad(
        "the migrations of the new release fail", "this migration fails", migration=FAILING_MIGRATION
    ),
    "crash loop": Bad(
        "new API container",
        "crashes at import",
        changes={"config__wsgi": '\nraise RuntimeError("crashes at import")\n'},
    ),
    "wrong settings": Bad(
        "does not pass its check of migrations",
        "invalid literal for int() with base 10: 'many'",
        changes={"config__settings": LIMIT},
        variables={"stack_api_environment": {"PROOF_LIMIT": "many"}},
    ),
}

SAMPLE = "failing migration"


@pytest.mark.parametrize(
    "name", [name if name == SAMPLE else pytest.param(name, marks=whole_form) for name in BAD]
)
def test_a_bad_release_changes_nothing(
    host: Target,
    light_load: Load,
    new_release: Callable[..., str],
    say: Callable[[str], None],
    name: str,
) -> None:
    bad = BAD[name]
    before = serving(host), current(host), apis(host), host.containers()
    new_release(**bad.changes)
    if bad.migration:
        last = release.last_migration()
        release.add("proof/migrations/0099_fails.py", bad.migration.format(before=last))

    with light_load(f"bad release, {name}") as traffic:
        run = PLAYBOOKS.play("site.yml", "--tags=release", extra(**bad.variables))

    say(f"bad release, {name}: refused after {run.seconds:.1f} s")
    assert run.status != 0, run.output
    assert bad.step in run.one_line, run.output
    assert bad.why in run.one_line, run.output
    traffic.assert_nothing_failed()
    assert (serving(host), current(host), apis(host), host.containers()) == before
