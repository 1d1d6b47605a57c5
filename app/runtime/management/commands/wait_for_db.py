"""Waits until PostgreSQL accepts a connection, or says why it never will."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

RETRY_SECONDS = 0.5


class Command(BaseCommand):
    help = "Wait until the database accepts connections."
    # They take longer than everything else here, and migrate makes them right after.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--timeout", type=float, default=60, help="seconds to wait (default: 60)")

    def handle(self, *, timeout: float, **_options: Any) -> None:
        start = time.monotonic()
        while True:
            try:
                connection.ensure_connection()
            except OperationalError as error:
                reason = " ".join(str(error).split())
            else:
                break
            _stop_if_waiting_cannot_help(reason)
            if time.monotonic() - start + RETRY_SECONDS > timeout:
                raise CommandError(
                    f"no database at {_address()} after {timeout:g} s: start it, or correct POSTGRES_HOST"
                    f" and POSTGRES_PORT (last error: {reason})"
                )
            time.sleep(RETRY_SECONDS)
        self.stdout.write(f"database answered after {time.monotonic() - start:.1f} s")


def _address() -> str:
    return f"{connection.settings_dict['HOST']}:{connection.settings_dict['PORT']}"


def _stop_if_waiting_cannot_help(reason: str) -> None:
    # libpq gives no error code when a connection fails, only the server's sentence.
    user = connection.settings_dict["USER"]
    if "password authentication failed" in reason:
        raise CommandError(
            f'{_address()} refuses the password of user "{user}": write the password the database was made'
            " with into POSTGRES_PASSWORD_FILE, or change it there with ALTER ROLE"
        )
    if "does not exist" in reason:
        raise CommandError(
            f"{_address()} lacks what POSTGRES_DB or POSTGRES_USER names: create it, or correct the variable"
            f" (the server says: {reason})"
        )
