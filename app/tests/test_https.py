"""What Django itself says of the settings of a deployment, with TLS in front and without."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.programs import manage, only_line


def deploy_check(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    key = tmp_path / "key"
    key.write_text("Of the length that Django asks for, and more than it asks of variety.")
    arguments = ("check", "--deploy", "--fail-level", "WARNING", *arguments)
    return manage(*arguments, DJANGO_SECRET_KEY_FILE=str(key), **environment)


@pytest.mark.parametrize("https", ["", "1"])
def test_deploy_check_is_clean(tmp_path: Path, https: str) -> None:
    result = deploy_check(tmp_path, DJANGO_HTTPS=https)

    silenced = 2 if https else 4
    assert result.returncode == 0, result.stderr
    assert only_line(result.stdout + result.stderr) == (
        f"System check identified no issues ({silenced} silenced)."
    )


def test_deploy_check_would_speak(tmp_path: Path) -> None:
    result = deploy_check(tmp_path, DJANGO_DEBUG="1")

    assert result.returncode == 1
    assert re.findall(r"security\.W\d+", result.stderr) == ["security.W018"]


SHOW_HTTPS = """
from django.conf import settings
from django.test import Client
answer = Client(headers={"host": "testserver"}).get("/api/nothing")
health = Client(headers={"host": "testserver"}).get("/health/live")
tls = Client(headers={"host": "testserver", "x-forwarded-proto": "https"}).get("/health/live")
print(answer.status_code, health.status_code, tls.headers.get("Strict-Transport-Security"),
    settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE)
"""


@pytest.mark.parametrize(
    ("https", "shows"), [("", "404 200 None False False"), ("1", "301 200 max-age=31536000 True True")]
)
def test_https_asks_for_tls(https: str, shows: str) -> None:
    result = manage("shell", "--no-imports", "-c", SHOW_HTTPS, DJANGO_HTTPS=https)

    assert only_line(result.stdout) == shows
