"""Django's migrate, one at a time.

Containers that start together on an empty database would each create the same tables, and all but one would
fail. They queue up behind a lock of PostgreSQL's instead, which it drops by itself when its holder dies.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

# Any number will do, as long as it stays the same; locks of other databases do not count.
LOCK_ID = 4_907_121
RETRY_SECONDS = 0.5
TIMEOUT_SECONDS = 600


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with self._lock(options["database"]):
            super().handle(*args, **options)

    @contextmanager
    def _lock(self, database: str) -> Iterator[None]:
        with connections[database].cursor() as cursor:
            # Asking again and again, because a statement that waits would in turn be waited for by the
            # CREATE INDEX CONCURRENTLY of the lock's holder.
            for attempt in count():
                if _try_lock(cursor):
                    break
                if attempt == 0:
                    self.stdout.write("waiting for another migrate to finish")
                    self.stdout.flush()
                if attempt * RETRY_SECONDS >= TIMEOUT_SECONDS:
                    raise CommandError(
                        f"another migrate has been running for {TIMEOUT_SECONDS} s: look for it in"
                        " pg_stat_activity, and end it there if it hangs"
                    )
                time.sleep(RETRY_SECONDS)
        try:
            yield
        finally:
            with connections[database].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK_ID])


def _try_lock(cursor: Any) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_ID])
    return bool(cursor.fetchone()[0])
