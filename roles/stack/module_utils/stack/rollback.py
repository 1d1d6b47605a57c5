"""The kept release that a rollback serves again."""

from __future__ import annotations

from .containers import containers
from .database import Database
from .errors import RolloutError
from .nginx import live_slot
from .releases import Release, Store
from .secrets import Secrets


def choose(store: Store, secrets: Secrets, wanted: str) -> Release:
    """Return the kept release to roll back to.

    Args:
        store: Where it is kept.
        secrets: Those of the stack, to ask the database with.
        wanted: Its name; `current` for the one that is served, empty for the one before.

    Raises:
        EngineError: The database does not answer.
        RolloutError: There is none, or the database has moved past it.
    """
    serving = store.serving(live_slot(store.folder))
    if wanted == "current" and serving:
        return store.load(serving)
    kept = {entry.release: entry for entry in store.kept()}
    before = [name for name in kept if name != serving]
    name = wanted or next(iter(before), "before this one")
    if name not in kept:
        raise RolloutError(f"no release {name} is on this host: choose one of {', '.join(kept) or 'none'}")
    release = store.load(name)
    databases = [one for one in containers(release.settings.project) if one.service == "db"]
    applied = [migration for one in databases for migration in Database(one, secrets).migrations()]
    if unknown := [migration for migration in applied if migration not in kept[name].migrations]:
        raise RolloutError(
            f"release {name} does not know {', '.join(unknown)}, which the database has had since:"
            " deploy a release that does"
        )
    return release
