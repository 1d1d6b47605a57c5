"""As little as the host's environment asks for."""

import os
from pathlib import Path


def content(name: str) -> str:
    return Path(os.environ[name]).read_text().strip()


SECRET_KEY = content("DJANGO_SECRET_KEY_FILE")
SECRET_KEY_FALLBACKS = content("DJANGO_SECRET_KEY_FALLBACKS_FILE").split()
ALLOWED_HOSTS = [*os.environ["DJANGO_ALLOWED_HOSTS"].split(","), "127.0.0.1"]
ROOT_URLCONF = "config.urls"
INSTALLED_APPS = ["django.contrib.staticfiles", "notes"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["POSTGRES_HOST"],
        "PORT": os.environ["POSTGRES_PORT"],
        "NAME": os.environ["POSTGRES_DB"],
        "USER": os.environ.get("POSTGRES_USER") or content("POSTGRES_USER_FILE"),
        "PASSWORD": content("POSTGRES_PASSWORD_FILE"),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/static/"
STATIC_ROOT = "/vol/web/static"
STATICFILES_DIRS = [Path(__file__).parent.parent / "static"]
