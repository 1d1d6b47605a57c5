"""Django's migrate, one at a time, and without holding up those who read meanwhile.

Containers that start together on an empty database would each create the same tables, and all but one would
fail. They queue up behind a lock of PostgreSQL's instead, which it drops by itself when its holder dies.

An ALTER TABLE waits for every transaction that has read the table, and everybody who comes later waits behind
the ALTER. So it gives up soon, lets them pass, and tries again.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.migrations import Migration

# Any number will do, as long as it stays the same; locks of other databases do not count.
LOCK_ID = 4_907_121
RETRY_SECONDS = 0.5
TIMEOUT_SECONDS = 600

# How long a migration may keep others waiting for a table, and how often it may try.
TABLE_LOCK_SECONDS = 2
TABLE_LOCK_TRIES = 10
PAUSE_SECONDS = 1
LOCK_NOT_AVAILABLE = "55P03"


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with self._lock(options["database"]):
            for attempt in range(1, TABLE_LOCK_TRIES + 1):
                try:
                    super().handle(*args, **options)
                except OperationalError as error:
                    if getattr(error.__cause__, "pgcode", None) != LOCK_NOT_AVAILABLE:
                        raise
                else:
                    return
                self._pause(attempt)

    def migration_progress_callback(
        self, action: str, migration: Migration | None = None, fake: bool = False
    ) -> None:
        super().migration_progress_callback(action, migration, fake)
        if action in {"apply_start", "unapply_start"} and migration is not None:
            self._migration = migration
            # One that is not atomic cannot be taken back half-way, and so not tried again.
            seconds = TABLE_LOCK_SECONDS if migration.atomic else 0
            with self._connection.cursor() as cursor:
                cursor.execute(f"SET lock_timeout = '{seconds}s'")

    def _pause(self, attempt: int) -> None:
        self.stdout.write(" waited too long for a table")
        if attempt == TABLE_LOCK_TRIES:
            raise CommandError(
                f"{self._migration} found its tables in use {TABLE_LOCK_TRIES} times, for"
                f" {TABLE_LOCK_SECONDS} s each: look for the oldest transaction in pg_stat_activity, end it"
                " there, and migrate again"
            )
        self.stdout.write(
            f"{self._migration} lets others use the table and tries again ({attempt} of {TABLE_LOCK_TRIES})"
        )
        self.stdout.flush()
        time.sleep(PAUSE_SECONDS)

    @contextmanager
    def _lock(self, database: str) -> Iterator[None]:
        self._connection = connections[database]
        with self._connection.cursor() as cursor:
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
            with self._connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK_ID])


def _try_lock(cursor: Any) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_ID])
    return bool(cursor.fetchone()[0])
