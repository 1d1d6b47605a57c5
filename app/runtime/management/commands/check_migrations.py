"""Refuses migrations that would break the release that serves while they run.

Which SQL does is django-migration-linter's knowledge. Its own command, lintmigrations, asks less precisely:
it also objects to changes of tables that the unapplied migrations themselves make, and to the way back of a
RunSQL; one default in a migration excuses every NOT NULL column; and code of a migration may run and write.
"""

import re
from collections.abc import Iterator
from typing import Any

import sqlparse
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django_migration_linter import IgnoreMigration
from django_migration_linter.sql_analyser.analyser import analyse_sql_statements
from django_migration_linter.sql_analyser.postgresql import PostgresqlAnalyser

COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
NAME = r'((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))?)'
CREATED = re.compile(rf"CREATE TABLE (?!IF NOT EXISTS){NAME}")
RENAMED = re.compile(rf"ALTER TABLE {NAME} RENAME TO {NAME}")
CONCERNED = re.compile(rf"\b(?:TABLE|ON) (?:IF EXISTS )?(?:ONLY )?{NAME}")


class Command(BaseCommand):
    help = "Fail if an unapplied migration would break the release that serves."

    def handle(self, **_options: Any) -> None:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            reason = " ".join(str(error).split())
            raise CommandError(
                f"no database to check against: start it, and check again ({reason})"
            ) from error
        with connection.cursor() as cursor:
            # Some operations run Python code even when asked for their SQL alone.
            cursor.execute("SET default_transaction_read_only = on")
        try:
            self._check()
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET default_transaction_read_only")

    def _check(self) -> None:
        executor = MigrationExecutor(connection)
        if not executor.loader.applied_migrations:
            self.stdout.write("nothing to break: the database is empty")
            return
        plan = [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
        if not plan:
            self.stdout.write("unchanged: there is no unapplied migration")
            return
        made: set[str] = set()
        refused, warned = [], []
        for migration in plan:
            if any(isinstance(operation, IgnoreMigration) for operation in migration.operations):
                warned.append(f"{migration}: not checked, as it says itself (IgnoreMigration)")
                continue
            errors, warnings = _lint(executor.loader, migration, made)
            refused += errors
            warned += warnings
        for line in warned:
            self.stdout.write(f"warning: {line}")
        if refused:
            raise CommandError(
                "these would break the release that serves: ship code that does without first, and add"
                " IgnoreMigration() to a migration that you know to be safe\n" + "\n".join(refused)
            )
        self.stdout.write(f"unapplied migrations: {len(plan)}, none breaks the release that serves")


def _lint(loader: MigrationLoader, migration: Migration, made: set[str]) -> tuple[list[str], list[str]]:
    refused, warned = [], []
    try:
        for operation, statements in _operations(loader, migration):
            concerned = [sql for sql in statements if not _of_new_table(sql, made)]
            errors, _, warnings = analyse_sql_statements(PostgresqlAnalyser, concerned)
            refused += [f"{migration}: {operation} ({issue.code})" for issue in errors]
            warned += [f"{migration}: {operation} ({issue.code})" for issue in warnings]
    except (DatabaseError, ValueError) as error:
        refused.append(f"{migration}: cannot be judged beforehand ({' '.join(str(error).split())})")
    return list(dict.fromkeys(refused)), list(dict.fromkeys(warned))


def _operations(loader: MigrationLoader, migration: Migration) -> Iterator[tuple[str, list[str]]]:
    """Each operation with the SQL that it would run, and what runs after them all."""
    state = loader.project_state((migration.app_label, migration.name), at_end=False)
    with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
        for operation in migration.operations:
            before = state.clone()
            operation.state_forwards(migration.app_label, state)
            if operation.reduces_to_sql:
                operation.database_forwards(migration.app_label, editor, before, state)
            yield operation.describe(), _statements(editor.collected_sql)
            editor.collected_sql.clear()
    yield "constraints and indexes", _statements(editor.collected_sql)


def _statements(collected: list[str]) -> list[str]:
    """One statement per line and keywords in capitals, as the linter's patterns expect."""
    statements = sqlparse.split(COMMENT.sub(" ", "\n".join(collected)))
    return [" ".join(sqlparse.format(sql, keyword_case="upper").split()) for sql in statements]


def _of_new_table(sql: str, made: set[str]) -> bool:
    """Whether only a table is concerned that these migrations make: nothing that serves knows it."""
    if created := CREATED.match(sql):
        made.add(_plain(created[1]))
    concerned = CONCERNED.search(sql)
    if concerned is None or _plain(concerned[1]) not in made:
        return False
    if renamed := RENAMED.match(sql):
        made.add(_plain(renamed[2]))
    return True


def _plain(name: str) -> str:
    return name.replace('"', "").lower()
