#!/usr/bin/env python3
"""Runs Django's management commands."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A missing variable is the operator's to fix: a traceback would bury its name.
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
