"""Reads the records of a file, CSV, gzipped or not, whatever else the file may hold."""

import csv
import gzip
import io
from collections import deque
from collections.abc import Iterator

from movies.importing.errors import RefusedError

BOM = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"
BUFFER_BYTES = 256 * 1024
# Twice what as many people as may be in a film have, with the longest names there are in ASCII.
MAX_LINE_BYTES = 512 * 1024
# Quotes may hold a record together over any number of lines.
MAX_RECORD_BYTES = 4 * MAX_LINE_BYTES


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


class Records:
    """Can be gone through once: each record with the line that it starts in, and what is wrong with its text.

    Raises:
        RefusedError: A record is too long to be held in memory.
    """

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
        self._records = self._read()

    @property
    def bytes_read(self) -> int:
        """Of the file as it is, compressed or not."""
        return self._counted.bytes_read

    def __iter__(self) -> Iterator[tuple[int, list[str], str]]:
        return self._records

    def _read(self) -> Iterator[tuple[int, list[str], str]]:
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
