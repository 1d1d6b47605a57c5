"""Writes films that were read from a file: PostgreSQL does, a chunk of lines at a time.

The lines are copied to a table, where statements for all of a chunk find them. The app may make no tables,
temporary ones neither, so a migration has made that one. It isn't logged; and it is empty but for the
transaction that imports, which clears it at its end. Of one that fails or is killed, nobody sees a line.

Of films, statements lock no more than the rows that they change: everybody else reads as before.
"""

from typing import Any

from django.db import connection

from movies.importing import statements
from movies.importing.columns import BETWEEN_GENRES, BETWEEN_PEOPLE
from movies.importing.film_file import Chunk
from movies.models import Credit

# See migrate, which has the number before.
LOCK_ID = 4_907_122


class FilmImport:
    """For one transaction, whose end also gives up the lock."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.added = self.changed = self.unchanged = 0

    def begin(self) -> bool:
        """Return whether this is the only import."""
        [(alone,)] = self._run("SELECT pg_try_advisory_xact_lock(%(lock)s)", {"lock": LOCK_ID})
        # PostgreSQL would remember each reference until the commit, in memory.
        self._cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for setting in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"):
            self._cursor.execute(f"SET LOCAL {setting} = off")
        return bool(alone)

    def write(self, chunk: Chunk) -> None:
        """Write its films; reject those that an earlier line has already."""
        # Django turns the database's errors into its own, but not those of COPY.
        with connection.wrap_database_errors:
            self._cursor.copy_expert(statements.COPY, chunk.rows)
        lines = {
            "first": chunk.first,
            "last": chunk.last,
            "between_genres": BETWEEN_GENRES,
            "between_people": BETWEEN_PEOPLE,
        }
        repeated = self._run(statements.TAKE_REPEATED, lines)
        chunk.rejected += [
            (line, f"tconst '{film}' is in line {first} already") for line, film, first in repeated
        ]
        self._cursor.execute(statements.ADD_GENRES, lines)
        self._cursor.execute(statements.ADD_PEOPLE, lines)
        added = [film for (film,) in self._run(statements.ADD_FILMS, lines)]
        changed = self._run(statements.CHANGE_FILMS, lines | {"added": added})
        self._link(lines, added, changed)
        self.added += len(added)
        self.changed += len(changed)
        self.unchanged += chunk.good - len(repeated) - len(added) - len(changed)

    def end(self) -> None:
        # The app may not TRUNCATE. What this leaves is autovacuum's.
        self._cursor.execute("DELETE FROM movies_importedline")

    def _link(self, lines: dict[str, Any], added: list[int], changed: list[tuple[Any, ...]]) -> None:
        genres, directors, cast = ([row[0] for row in changed if row[column]] for column in (1, 2, 3))
        self._cursor.execute(statements.DROP_GENRES, {"films": genres})
        self._cursor.execute(statements.LINK_GENRES, lines | {"films": added + genres})
        for role, films in ((Credit.Role.DIRECTOR, directors), (Credit.Role.CAST, cast)):
            [(namesakes,)] = self._run(statements.DROP_CREDITS, {"films": films, "role": role})
            credited = {"films": added + films, "role": role, "namesakes": namesakes}
            self._cursor.execute(statements.LINK_CREDITS, lines | credited)

    def _run(self, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        self._cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = self._cursor.fetchall()
        return rows
