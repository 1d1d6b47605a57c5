"""How far a long command has come."""

import time

from django.core.management.base import OutputWrapper

BAR_CHARACTERS = 30
# Somebody watches a terminal; elsewhere it is one line more in a log.
TERMINAL_SECONDS, LOG_SECONDS = 0.2, 10
CLEAR_LINE = "\r\x1b[K"


class Progress:
    def __init__(self, output: OutputWrapper, total_bytes: int | None) -> None:
        self._output = output
        self._total = total_bytes
        self._on_terminal = output.isatty()
        self._start = self._shown = time.monotonic()

    def show(self, bytes_read: int, lines: int) -> None:
        now = time.monotonic()
        if now - self._shown < (TERMINAL_SECONDS if self._on_terminal else LOG_SECONDS):
            return
        self._shown = now
        text = self._describe(bytes_read, lines, now - self._start)
        self._write(CLEAR_LINE + text if self._on_terminal else f"{text}\n")

    def clear(self) -> None:
        """Make room for something else."""
        if self._on_terminal:
            self._write(CLEAR_LINE)

    def _describe(self, bytes_read: int, lines: int, seconds: float) -> str:
        text = f"{lines:,} lines, {lines / seconds:,.0f} lines/s"
        if not self._total:
            return f"{_megabytes(bytes_read)}, {text}"
        # A file that is written to meanwhile has become longer.
        part = min(bytes_read / self._total, 1)
        text = f"{part:4.0%} of {_megabytes(self._total)}, {text}"
        if part:
            text += f", {seconds / part - seconds:,.0f} s left"
        bar = "#" * round(part * BAR_CHARACTERS)
        return f"[{bar:{BAR_CHARACTERS}}] {text}" if self._on_terminal else text

    def _write(self, text: str) -> None:
        # Not an error, whose colour is the default there.
        self._output.write(text, style_func=str, ending="")
        self._output.flush()


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"
