"""Is this process alive, and may it be sent requests?

The second asks for more than the first: a process that waits for its database must not be restarted for it.
"""

import logging

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

logger = logging.getLogger(__name__)


@never_cache
def live(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "alive"})


@never_cache
def ready(_request: HttpRequest) -> JsonResponse:
    try:
        unapplied = _unapplied_migrations()
    except Error as error:
        logger.warning("not ready: the database does not answer: %s", error)
        return _not_ready("the database does not answer")
    if unapplied:
        return _not_ready(f"unapplied migrations: {', '.join(unapplied)}")
    return JsonResponse({"status": "ready"})


def _not_ready(reason: str) -> JsonResponse:
    return JsonResponse({"status": "not ready", "reason": reason}, status=503)


def _unapplied_migrations() -> list[str]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [str(migration) for migration, _backwards in plan]
