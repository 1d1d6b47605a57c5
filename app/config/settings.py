"""Django's settings: one file, everything that differs between hosts read from the environment."""

import os
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config.environment import comma_separated, integer, read_file, required, secret, switch
from runtime.logs import to_stderr

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = secret("DJANGO_SECRET_KEY_FILE")
# Keys of before: what they have signed stays valid.
SECRET_KEY_FALLBACKS = (
    read_file("DJANGO_SECRET_KEY_FALLBACKS_FILE").split()
    if os.environ.get("DJANGO_SECRET_KEY_FALLBACKS_FILE")
    else []
)
DEBUG = switch("DJANGO_DEBUG")

_hosts = comma_separated(required("DJANGO_ALLOWED_HOSTS"))
if not _hosts:
    raise ImproperlyConfigured("DJANGO_ALLOWED_HOSTS names no host: list the names clients use, by comma")
# The container's health check asks on the loopback address.
ALLOWED_HOSTS = [*_hosts, "127.0.0.1", "localhost"]
# Needed only for origins other than the host that was asked, such as a front end of its own.
CSRF_TRUSTED_ORIGINS = comma_separated(os.environ.get("DJANGO_CSRF_TRUSTED_ORIGINS", ""))
# nginx, the only one who can reach us, sets this header on every request and so replaces what a client sent.
# Host arrives as the client wrote it, with its port: X-Forwarded-Host is not needed, and not trusted.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# What only makes sense once every client comes by TLS: over plain HTTP, nobody could log in or be served.
HTTPS = switch("DJANGO_HTTPS")
SECURE_SSL_REDIRECT = HTTPS
# Asked by Docker and by a deploy, past the proxy and without TLS.
SECURE_REDIRECT_EXEMPT = ["^health/"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SILENCED_SYSTEM_CHECKS = (
    # HSTS for subdomains and for lists that browsers ship: names beside ours are not ours to decide on.
    ["security.W005", "security.W021"]
    if HTTPS
    # HSTS, the redirect, both cookies: see above.
    else ["security.W004", "security.W008", "security.W012", "security.W016"]
)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "runtime.apps.StaticFilesConfig",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_migration_linter",  # makemigrations --lint; check_migrations uses its patterns
    "runtime",
    "api",
    "movies",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "runtime.sessions.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

SESSION_ENGINE = "runtime.sessions"

CSRF_FAILURE_VIEW = "api.error_views.csrf_failure"

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

# The admin has pages, and the documentation is one.
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": required("POSTGRES_HOST"),
        "PORT": required("POSTGRES_PORT"),
        "NAME": required("POSTGRES_DB"),
        # A file, where the user changes with the password.
        "USER": os.environ.get("POSTGRES_USER") or secret("POSTGRES_USER_FILE"),
        "PASSWORD": secret("POSTGRES_PASSWORD_FILE"),
        # Connecting anew for each request costs four fifths of the throughput. One connection per gunicorn
        # thread stays open instead, and is tried before use, since the database may have been restarted.
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # Seconds. Without it, a host that drops packets would hold a thread for minutes. Where all processors
        # are busy, the first connections of a new release, one for each thread, take more than five.
        "OPTIONS": {"connect_timeout": 20},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

TIME_ZONE = "UTC"

# Both volumes are served by nginx under /static/.
STATIC_URL = "/static/static/"
STATIC_ROOT = Path(os.environ.get("DJANGO_STATIC_ROOT", "/vol/web/static"))
# The container's own: two releases share the volume, not the names.
STATIC_MANIFEST_DIR = Path(os.environ.get("DJANGO_STATIC_MANIFEST_DIR", "/run/django"))
MEDIA_URL = "/static/media/"
MEDIA_ROOT = Path(os.environ.get("DJANGO_MEDIA_ROOT", "/vol/web/media"))
STORAGES = {
    "default": {"BACKEND": "runtime.durable_files.DurableFileSystemStorage"},
    # A hash in each name lets nginx and browsers keep the files for a year.
    "staticfiles": {"BACKEND": "runtime.static_files.SharedStaticFilesStorage"},
}
# nginx reads both volumes as another user, whatever the umask here is.
FILE_UPLOAD_PERMISSIONS = 0o644
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o755
# No form here takes more than one file.
DATA_UPLOAD_MAX_NUMBER_FILES = 1
# The admin sends five for each credit, and the API takes 500 of each role.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

REST_FRAMEWORK = {
    # Basic first: its challenge makes the answer to an anonymous write a 401, which says what is missing.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.authentication.BasicAuthentication",
        "api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.ModelPermissionsOrReadOnly"],
    "DEFAULT_THROTTLE_CLASSES": ["api.throttling.WriteThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "api.parsers.JSONParser",
        "api.parsers.StrictMultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "api.schema.AutoSchema",
    "EXCEPTION_HANDLER": "api.problems.handle",
    # A parameter that is as unknown as any other, and not an address that leads nowhere.
    "URL_FORMAT_OVERRIDE": None,
    # Ratings are numbers for a client, too.
    "COERCE_DECIMAL_TO_STRING": False,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Film API",
    "VERSION": "1",
    # What is written differs from what is read: a poster is a file, and then a link.
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["api.schema.without_slashes"],
}

REST_KNOX = {"TOKEN_TTL": timedelta(hours=integer("DJANGO_TOKEN_HOURS", 168, least=1))}

# See api.throttling and api.logins; 0 is no limit.
FAILED_LOGINS_PER_MINUTE = integer("DJANGO_FAILED_LOGINS_PER_MINUTE", 20)
ACCOUNT_FAILED_LOGINS_PER_MINUTE = integer("DJANGO_ACCOUNT_FAILED_LOGINS_PER_MINUTE", 5)
TOKENS_PER_MINUTE = integer("DJANGO_TOKENS_PER_MINUTE", 20)
# Who may write is known by name; nginx limits everybody.
WRITES_PER_MINUTE = integer("DJANGO_WRITES_PER_MINUTE", 0)

# Django's own default would mail errors to nobody.
LOGGING = to_stderr("django")
