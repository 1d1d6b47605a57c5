"""Reads the environment that the settings and the commands are configured by."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

# More is meant by nobody, and so many hours from now is still a date.
MOST = 1_000_000


def required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set: put it into the environment (see README.md)")
    return value


def integer(name: str, default: int, *, least: int = 0) -> int:
    value = os.environ.get(name) or str(default)
    if not (value.isascii() and value.isdecimal()) or not least <= int(value) <= MOST:
        raise ImproperlyConfigured(f"{name} is '{value}': write a whole number from {least} to {MOST}")
    return int(value)


def switch(name: str) -> bool:
    value = os.environ.get(name) or "0"
    # What is meant to be on must not be off without a word, as "true" would be.
    if value not in {"0", "1"}:
        raise ImproperlyConfigured(f"{name} is '{value}': write 1 for on, 0 for off")
    return value == "1"


def comma_separated(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def read_file(name: str) -> str:
    """The content of the file that the variable names, which may be empty."""
    path = Path(required(name))
    try:
        return path.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"{name}: cannot read {path} ({error}): make it a text file that this user may read"
        ) from error


def secret(name: str) -> str:
    """The content of the file that the variable names.

    A file, because an environment is shown by `docker inspect` and inherited by every child process.
    """
    value = read_file(name)
    if not value:
        raise ImproperlyConfigured(f"{name}: {os.environ[name]} is empty: write the secret into it")
    return value
