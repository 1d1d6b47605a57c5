"""Files of films to import: what they may look like, and which of their lines are good."""

import csv
import gzip
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter

from movies.models import FIRST_YEAR, LAST_YEAR, MAX_RATING, Film, Genre, Person
from movies.serializers import MAX_CREDITS, MAX_GENRES

REQUIRED = ("tconst", "primaryTitle", "startYear", "averageRating", "genres")
# A file without one of these leaves such credits as they are.
OPTIONAL = ("directors", "cast")
KNOWN = (*REQUIRED, *OPTIONAL)
# Also what COPY takes for null.
NULL = r"\N"
MISSING = ("", NULL)
BETWEEN_GENRES, BETWEEN_PEOPLE = ",", "|"

BOM = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"
BUFFER_BYTES = 256 * 1024
# Twice what as many people as may be in a film have, with the longest names there are in ASCII.
MAX_LINE_BYTES = 512 * 1024
# Quotes may hold a record together over any number of lines.
MAX_RECORD_BYTES = 4 * MAX_LINE_BYTES
# What is held in memory, and written by one round of statements.
CHUNK_LINES = 10_000
CHUNK_CHARACTERS = 4_000_000
SHOWN_CHARACTERS = 40

ID = re.compile(r"tt[0-9]{7,10}")
# Looked up as they are written: faster than making numbers of them, and stricter.
YEARS = frozenset(str(year) for year in range(FIRST_YEAR, LAST_YEAR + 1))
RATINGS = frozenset(
    text for tenths in range(int(MAX_RATING) * 10 + 1) for text in (f"{tenths / 10:.1f}", f"{tenths / 10:g}")
)
MAX_TITLE, MAX_GENRE, MAX_NAME = (
    column.field.max_length or 0 for column in (Film.title, Genre.name, Person.name)
)


class RefusedError(Exception):
    """Nothing can be made of the file."""


class RejectedError(Exception):
    """Why a line can't be imported."""


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


class _Counted(io.RawIOBase):
    """Tells how much was read, of a pipe as well."""

    def __init__(self, source: io.FileIO) -> None:
        self._source = source
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = self._source.readinto(buffer) or 0
        self.bytes_read += size
        return size


class FilmFile:
    """CSV, gzipped or not. Its header is judged at once."""

    def __init__(self, source: io.FileIO) -> None:
        self._counted = _Counted(source)
        content = io.BufferedReader(self._counted, BUFFER_BYTES)
        self._content: io.BufferedIOBase = (
            gzip.GzipFile(fileobj=content) if content.peek(2).startswith(GZIP) else content
        )
        self.line = 0
        # The lines of the record that is being read.
        self._raw: list[bytes] = []
        self._raw_bytes = 0
        self._flaw = ""
        self._ended = False
        self._again: deque[bytes] = deque()
        self._records = self._read_records()
        header = self._read_header()
        self.optional = [name for name in OPTIONAL if name in header]
        self._width = len(header)
        self._pick = itemgetter(*(header.index(name) for name in (*REQUIRED, *self.optional)))

    @property
    def bytes_read(self) -> int:
        return self._counted.bytes_read

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
                writer.writerow((line, *self._film(row)))
                chunk.good += 1
            except RejectedError as error:
                chunk.rejected.append((line, str(error)))
            if chunk.is_full:
                break
        chunk.last = self.line
        chunk.rows.seek(0)
        return chunk if chunk.good or chunk.rejected else None

    def _read_header(self) -> list[str]:
        _, header, flaw = next(self._records, (1, [], "is missing"))
        if flaw:
            raise RefusedError(f"the header {flaw}: write the names of the columns into line 1, in UTF-8")
        known = f"known are {', '.join(KNOWN)}"
        if unknown := [_shown(name) for name in header if name not in KNOWN]:
            raise RefusedError(f"unknown columns {', '.join(unknown[:10])}: {known}")
        if missing := [name for name in REQUIRED if name not in header]:
            raise RefusedError(f"missing columns {', '.join(missing)}: {known}")
        if twice := [name for name in KNOWN if header.count(name) > 1]:
            raise RefusedError(f"columns that are there twice: {', '.join(twice)}")
        return header

    def _read_records(self) -> Iterator[tuple[int, list[str], str]]:
        """Each record with the line that it starts in, and what is wrong with its text."""
        while not self._ended or self._again:
            self._ended = False
            try:
                # Otherwise a quote that nobody closes would end with the next film's, without a word.
                for row in csv.reader(self._lines(), strict=True):
                    if row or self._flaw:
                        yield self.line - len(self._raw) + 1, row, self._flaw
                    self._start_record()
            except csv.Error as error:
                _, *others = self._raw
                if others or self._ended:
                    flaw = "has a quote that is not closed"
                else:
                    flaw = self._flaw or f"is not CSV: {error}"
                # What came after the quote are lines of their own.
                self._again.extendleft(reversed(others))
                self.line -= len(others)
                yield self.line, [], flaw
                self._start_record()

    def _start_record(self) -> None:
        self._raw.clear()
        self._raw_bytes = 0
        self._flaw = ""

    def _lines(self) -> Iterator[str]:
        while raw := self._again.popleft() if self._again else self._read_line():
            self.line += 1
            self._raw.append(raw)
            self._raw_bytes += len(raw)
            if self._raw_bytes > MAX_RECORD_BYTES:
                raise RefusedError(
                    f"line {self.line - len(self._raw) + 1}: quotes go on for more than {MAX_RECORD_BYTES}"
                    " bytes: close them"
                )
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                text = raw.decode(errors="replace")
                self._flaw = "is not UTF-8"
            if "\0" in text:
                self._flaw = "has a NUL byte"
            if len(raw) == MAX_LINE_BYTES:
                self._flaw = f"has {MAX_LINE_BYTES} bytes or more"
            yield text
        self._ended = True

    def _read_line(self) -> bytes:
        raw = self._content.readline(MAX_LINE_BYTES)
        rest = raw
        while len(rest) == MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = self._content.readline(MAX_LINE_BYTES)
        return raw if self.line else raw.removeprefix(BOM)

    def _film(self, row: list[str]) -> tuple[str, ...]:
        if len(row) != self._width:
            raise RejectedError(f"has {len(row)} columns, not {self._width}")
        tconst, title, year, rating, genres, *people = self._pick(row)
        if not ID.fullmatch(tconst):
            raise RejectedError(f"tconst {_shown(tconst)}: write tt and 7 to 10 digits")
        title = title.strip()
        if title in MISSING:
            raise RejectedError("primaryTitle is missing")
        if len(title) > MAX_TITLE:
            raise RejectedError(f"primaryTitle has {len(title)} characters, not {MAX_TITLE} at most")
        if year not in YEARS:
            raise RejectedError(f"startYear {_shown(year)}: write a year from {FIRST_YEAR} to {LAST_YEAR}")
        if rating not in RATINGS:
            raise RejectedError(
                f"averageRating {_shown(rating)}: write a number from 0 to {MAX_RATING}, to one decimal place"
            )
        credited = dict(zip(self.optional, map(_people, self.optional, people), strict=True))
        return (
            tconst,
            title,
            year,
            rating,
            _genres(genres),
            *(credited.get(name, NULL) for name in OPTIONAL),
        )


# Of a million films, few have a combination that no other has.
@lru_cache(maxsize=2000)
def _genres(text: str) -> str:
    names = _names("genres", text, BETWEEN_GENRES, MAX_GENRE, MAX_GENRES)
    return BETWEEN_GENRES.join(sorted(set(names)))


def _people(column: str, text: str) -> str:
    names = _names(column, text, BETWEEN_PEOPLE, MAX_NAME, MAX_CREDITS)
    if len(set(names)) < len(names):
        raise RejectedError(f"{column} has somebody twice")
    return BETWEEN_PEOPLE.join(names)


def _names(column: str, text: str, between: str, longest: int, most: int) -> list[str]:
    if text.strip() in MISSING:
        return []
    names = [name.strip() for name in text.split(between)]
    if len(names) > most:
        raise RejectedError(f"{column} has {len(names)} names, not {most} at most")
    if "" in names:
        raise RejectedError(f"{column} has an empty name")
    if NULL in names:
        raise RejectedError(rf"{column} has \N among its names")
    if too_long := [name for name in names if len(name) > longest]:
        raise RejectedError(f"{column} has a name of {len(too_long[0])} characters, not {longest} at most")
    return names


def _shown(text: str) -> str:
    """As ASCII without control characters, which a terminal might obey."""
    return ascii(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}...")
