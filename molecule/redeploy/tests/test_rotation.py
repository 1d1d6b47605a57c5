"""New secrets under load: no request is lost, the new ones work and the former ones don't."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from crash import kill_rollout
from runs import kill
from scenario import PLAYBOOKS
from state import apis, assert_at_rest, serving, whole_form
from targets import Target
from traffic import Load

ROTATE = "playbooks/rotate_secrets.yml"
PASSWORDS = {
    "postgres": "postgres_password",
    "django_owner": "django_owner_password",
    "django_backup": "django_backup_password",
}
LOG_IN = """
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.get(username="admin"))
print(f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}")
"""
STAGES = [
    pytest.param("beside", 0.0, id="new container started", marks=whole_form),
    pytest.param("switched", 0.0, id="switched, former login still open", marks=whole_form),
    pytest.param("switched", 2.0, id="old container drained", marks=whole_form),
]


def credentials(host: Target) -> dict[str, str]:
    """Return the password of each role that can log in."""
    found = {role: host.secret(name) for role, name in PASSWORDS.items()}
    return found | {host.secret("django_app_user"): host.secret("django_app_password")}


def assert_replaced(host: Target, before: dict[str, str]) -> None:
    """Check that every role has another password than before, over TCP."""
    now = credentials(host)
    assert {role: host.logs_in(role, password) for role, password in now.items()} == dict.fromkeys(now, True)
    assert not [role for role, password in before.items() if host.logs_in(role, password)]
    assert len(now) == len(before)
    assert len(apis(host)) == 1


def session(host: Target) -> str:
    """Log in as the admin; return the cookie."""
    shell = "docker exec --user 10001 %s python manage.py shell --no-imports --command %s"
    return host.run(shell, host.name_of("api"), LOG_IN).splitlines()[-1]


def is_logged_in(host: Target, cookie: str) -> bool:
    answer = host.request("/admin/", headers={"Cookie": cookie})
    assert answer.status in {200, 302}, answer.text
    return answer.status == 200


def test_rotation_under_load(
    host: Target, load: Load, light_load: Load, good_release: str, say: Callable[[str], None]
) -> None:
    before = credentials(host)
    key = host.secret("django_secret_key")
    assert all(host.logs_in(role, password) for role, password in before.items())
    cookie = session(host)

    with load("rotation of all secrets") as traffic:
        run = PLAYBOOKS.play(ROTATE)
    say(f"rotation of all secrets under full load: {run.seconds:.1f} s")
    assert run.status == 0, run.output
    traffic.assert_nothing_failed()
    assert_replaced(host, before)
    assert host.secret("django_secret_key") != key
    assert is_logged_in(host, cookie)
    assert_at_rest(host, good_release)

    with light_load("former keys dropped", quiet=True) as traffic:
        run = PLAYBOOKS.play(ROTATE, "--extra-vars=rotate=former_keys")
    assert run.status == 0, run.output
    traffic.assert_nothing_failed()
    assert not is_logged_in(host, cookie)
    assert is_logged_in(host, session(host))


@pytest.mark.parametrize(("stage", "delay"), STAGES)
def test_a_rotation_may_be_killed(
    host: Target, light_load: Load, good_release: str, stage: str, delay: float
) -> None:
    before = credentials(host)
    with light_load(f"rotation killed {delay} s after {stage}") as traffic:
        with PLAYBOOKS.start(playbook=ROTATE) as process:
            killed = kill_rollout(host, stage, delay)
            kill(process)
        assert killed > 0
        # It was in the middle: what the container of before logs in with is still good.
        assert all(
            host.logs_in(role, before[role]) for role in before.keys() & {"django_blue", "django_green"}
        )
        PLAYBOOKS.ship()
    traffic.assert_nothing_failed()
    assert serving(host) == good_release
    assert_replaced(host, before)


@whole_form
def test_a_dry_run_replaces_nothing(host: Target) -> None:
    before = credentials(host), apis(host)
    run = PLAYBOOKS.play(ROTATE, "--check")
    assert "Would replace django_app_password, django_app_user" in run.output
    assert (credentials(host), apis(host)) == before
    assert host.run("find /srv/django/stack/secrets -name '.*'") == ""
