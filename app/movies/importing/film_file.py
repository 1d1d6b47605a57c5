"""A file of films, in chunks that PostgreSQL can take."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from movies.importing.columns import Columns
from movies.importing.errors import RefusedError, RejectedError
from movies.importing.records import Records

# What is held in memory, and written by one round of statements.
CHUNK_LINES = 10_000
CHUNK_CHARACTERS = 4_000_000


@dataclass
class Chunk:
    """Some lines of the file, the good ones as COPY takes them."""

    first: int
    last: int = 0
    good: int = 0
    rows: io.StringIO = field(default_factory=io.StringIO)
    rejected: list[tuple[int, str]] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return self.good + len(self.rejected) >= CHUNK_LINES or self.rows.tell() > CHUNK_CHARACTERS


class FilmFile:
    """Its header is judged at once.

    Raises:
        RefusedError: The header is not one of films.
    """

    def __init__(self, source: io.FileIO) -> None:
        self._records = Records(source)
        _, header, flaw = next(iter(self._records), (1, [], "is missing"))
        if flaw:
            raise RefusedError(f"the header {flaw}: write the names of the columns into line 1, in UTF-8")
        self._columns = Columns(header)

    @property
    def bytes_read(self) -> int:
        return self._records.bytes_read

    @property
    def line(self) -> int:
        """The last one that was read."""
        return self._records.line

    def chunks(self) -> Iterator[Chunk]:
        while chunk := self._read_chunk():
            yield chunk

    def _read_chunk(self) -> Chunk | None:
        chunk = Chunk(first=self.line + 1)
        # The writer quotes what is part of its line ending, and COPY wants both characters quoted.
        writer = csv.writer(chunk.rows, lineterminator="\r\n")
        for line, row, flaw in self._records:
            try:
                if flaw:
                    raise RejectedError(flaw)
                writer.writerow((line, *self._columns.film(row)))
                chunk.good += 1
            except RejectedError as error:
                chunk.rejected.append((line, str(error)))
            if chunk.is_full:
                break
        chunk.last = self.line
        chunk.rows.seek(0)
        return chunk if chunk.good or chunk.rejected else None
