"""Adds the films of a file, and changes those that it knows otherwise; see movies.importing."""

import csv
import io
import os
import stat
import sys
import zlib
from argparse import ArgumentParser
from collections.abc import Iterable
from contextlib import ExitStack
from gzip import BadGzipFile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, transaction

from movies.importing.errors import RefusedError
from movies.importing.film_file import FilmFile
from movies.importing.film_import import FilmImport
from movies.importing.progress import Progress

SHOWN_REJECTIONS = 20
SOME_REJECTED = 3


class Command(BaseCommand):
    help = "Import films from CSV: all good lines, or nothing. app/README.md describes the columns."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="CSV, gzipped or not; - is the standard input")
        parser.add_argument("--strict", action="store_true", help="import nothing if a line is rejected")
        parser.add_argument(
            "--report", metavar="FILE", type=Path, help="write all rejected lines there, as CSV"
        )

    def handle(self, *, file: str, strict: bool, report: Path | None, **_options: Any) -> None:
        try:
            with ExitStack() as stack:
                source = stack.enter_context(
                    io.FileIO(sys.stdin.fileno(), closefd=False) if file == "-" else io.FileIO(file)
                )
                # To open it for writing would empty it before the first line is read.
                if report and report.is_file() and os.path.samestat(os.fstat(source.fileno()), report.stat()):
                    raise RefusedError("--report would write over it: name another file")
                rejections = Rejections(self, report, stack)
                done = self._import(source, strict, rejections)
        except (RefusedError, BadGzipFile, EOFError, zlib.error) as error:
            raise CommandError(f"nothing is imported: {file}: {error}") from error
        except OSError as error:
            # Without a name, it is one that was open already.
            place = error.filename or (f"{file} or {report}" if report else file)
            raise CommandError(f"nothing is imported: {place}: {error.strerror}") from error
        except DatabaseError as error:
            reason = " ".join(str(error).split())
            raise CommandError(f"nothing is imported: the database refuses it ({reason})") from error
        self.stdout.write(done)
        if rejections.count:
            raise CommandError(
                f"lines rejected: {rejections.count}, the others are imported", returncode=SOME_REJECTED
            )

    def _import(self, source: io.FileIO, strict: bool, rejections: "Rejections") -> str:
        progress = Progress(self.stderr, _size(source))
        films = FilmFile(source)
        with transaction.atomic(), connection.cursor() as cursor:
            work = FilmImport(cursor)
            if not work.begin():
                raise RefusedError("another import is running: start this one again when it has ended")
            try:
                for chunk in films.chunks():
                    work.write(chunk)
                    if chunk.rejected:
                        progress.clear()
                        rejections.add(sorted(chunk.rejected))
                    progress.show(films.bytes_read, films.line)
                work.end()
            finally:
                progress.clear()
            if strict and rejections.count:
                raise RefusedError(f"lines rejected: {rejections.count}")
            # A disk that is full is noticed while nothing is certain yet.
            rejections.flush()
        if not work.added and not work.changed:
            return f"unchanged: {work.unchanged} films are as the file has them"
        return f"imported: {work.added} films added, {work.changed} changed, {work.unchanged} unchanged"


class Rejections:
    """Writes all rejected lines to the report, and the first of them to stderr."""

    def __init__(self, command: BaseCommand, report: Path | None, stack: ExitStack) -> None:
        self.count = 0
        self._command = command
        self._report: Any = None
        if report:
            self._file = stack.enter_context(report.open("w", newline="", encoding="utf-8"))
            self._report = csv.writer(self._file)
            self._report.writerow(("line", "reason"))

    def add(self, rejected: Iterable[tuple[int, str]]) -> None:
        for line, reason in rejected:
            self.count += 1
            if self.count <= SHOWN_REJECTIONS:
                self._command.stderr.write(f"line {line}: {reason}")
            elif self.count == SHOWN_REJECTIONS + 1:
                self._command.stderr.write("more lines are rejected: --report FILE has them all")
            if self._report:
                self._report.writerow((line, reason))

    def flush(self) -> None:
        if self._report:
            self._file.flush()


def _size(source: io.FileIO) -> int | None:
    status = os.fstat(source.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None
