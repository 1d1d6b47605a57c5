"""The settings as mypy's plugin for Django loads them, which has no database to name."""

import os

from tests.environment import SECRET_FILE

os.environ |= {
    "POSTGRES_HOST": "none",
    "POSTGRES_PORT": "0",
    "POSTGRES_DB": "none",
    "POSTGRES_USER": "none",
    "POSTGRES_PASSWORD_FILE": str(SECRET_FILE),
}

from config.settings import *  # noqa: F403
