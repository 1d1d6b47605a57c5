"""scripts/run.sh with the programs around it replaced by ones that note how they were called."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.programs import APP

# Notes its call; fails when told to; what it prints and does beyond that differs per program.
STUB = """#!/bin/bash
call="${{0##*/}} $*"
echo "$call" >> "$STUB_CALLS"
[[ -z $STUB_FAILS || $call != *"$STUB_FAILS"* ]] || exit 1
note_database() {{
  [[ ! -e /dev/fd/3 ]] || echo "OPEN $1 has the owner's password" >> "$STUB_CALLS"
  echo "DATABASE $1 as $POSTGRES_USER with $(cat "$POSTGRES_PASSWORD_FILE")" >> "$STUB_CALLS"
}}
{body}
"""
BODIES = {
    "id": 'case "$*" in "-u") echo "$STUB_UID" ;; "-un") echo someone ;; *) echo 10001 ;; esac',
    "stat": 'echo "$STUB_OWNER"',
    "getent": "echo django:x:10001:10001::/home/django:/bin/sh",
    "chown": "",
    "python": """[[ $* != *"$STUB_HANGS"* || -z $STUB_HANGS ]] || exec sleep 60
        note_database "${2}" """,
    "gunicorn": """echo "HOME=$HOME umask=$(umask)" >> "$STUB_CALLS"
        note_database gunicorn""",
    "setpriv": 'while [[ $1 != true && $1 != bash ]]; do shift; done; STUB_UID=10001 exec "$@"',
}
START = [
    "python manage.py wait_for_db",
    "python manage.py collectstatic --noinput",
    "python manage.py migrate --noinput",
    "gunicorn --bind :9000 --workers 4 config.wsgi",
]


class Container:
    def __init__(self, folder: Path) -> None:
        self.folders = [folder / "static", folder / "media", folder / "manifest"]
        self.calls_file = folder / "calls"
        programs = folder / "bin"
        programs.mkdir()
        for name, body in BODIES.items():
            program = programs / name
            program.write_text(STUB.format(body=body))
            program.chmod(0o755)
        self.owner_password = folder / "owner_password"
        self.owner_password.write_text("the owner's")
        (folder / "password").write_text("the app's")
        self.environment = {
            "POSTGRES_USER": "app",
            "POSTGRES_PASSWORD_FILE": str(folder / "password"),
            "POSTGRES_OWNER": "owner",
            "POSTGRES_OWNER_PASSWORD_FILE": str(self.owner_password),
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": "/root",
            "DJANGO_STATIC_ROOT": str(self.folders[0]),
            "DJANGO_MEDIA_ROOT": str(self.folders[1]),
            "DJANGO_STATIC_MANIFEST_DIR": str(self.folders[2]),
            "STUB_CALLS": str(self.calls_file),
            "STUB_UID": "0",
            "STUB_OWNER": "0:0",
            "STUB_FAILS": "",
            "STUB_HANGS": "",
        }

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(APP / "scripts/run.sh"), *arguments],
            cwd="/",
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **environment)
        output, errors = process.communicate(timeout=30)
        return process.returncode, output, errors

    def calls(self, *programs: str) -> list[str]:
        lines = self.calls_file.read_text().splitlines()
        return [line for line in lines if line.split()[0] in programs]


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def test_as_root_all_steps_in_order(container: Container) -> None:
    code, output, errors = container.run()

    assert (code, errors) == (0, "")
    assert all(folder.is_dir() for folder in container.folders)
    calls = container.calls("chown", "setpriv", "python", "gunicorn")
    assert calls[:3] == [f"chown -Rh 10001:10001 {folder}" for folder in container.folders]
    assert calls[3].startswith("setpriv --reuid django --regid django --init-groups ")
    assert calls[4].split()[:-2] == calls[3].split()[:-1]
    dropped = {"--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs"}
    assert dropped < set(calls[4].split())
    assert calls[5:] == START
    assert [line.removeprefix("run.sh: ").split()[0] for line in output.splitlines()] == [
        "volume",
        "becoming",
        "wait_for_db",
        "collectstatic",
        "migrate",
        "gunicorn",
    ]
    assert container.calls("HOME=/home/django") == ["HOME=/home/django umask=0022"]


def test_folders_that_are_ours_are_left_alone(container: Container) -> None:
    code, _, _ = container.run(STUB_OWNER="10001:10001")

    assert code == 0
    assert container.calls("chown") == []
    assert container.calls("gunicorn") == START[3:]


def test_as_the_unprivileged_user(container: Container) -> None:
    for folder in container.folders:
        folder.mkdir()

    code, _, errors = container.run(STUB_UID="10001")

    assert (code, errors) == (0, "")
    assert container.calls("chown", "setpriv", "python", "gunicorn") == START


@pytest.mark.parametrize("uid", ["0", "10001"])
def test_it_can_migrate_and_end(container: Container, uid: str) -> None:
    for folder in container.folders:
        folder.mkdir()

    code, _, errors = container.run("migrate", STUB_UID=uid)

    assert (code, errors) == (0, "")
    assert container.calls("python", "gunicorn") == [START[0], START[2]]


@pytest.mark.parametrize("arguments", [("serve",), ("migrate", "now"), ("",)])
def test_what_it_can_not_do_is_refused(container: Container, arguments: tuple[str, ...]) -> None:
    code, output, errors = container.run(*arguments)

    assert (code, output) == (1, "")
    assert errors == f"run.sh: error: cannot do '{' '.join(arguments)}': give no argument, or 'migrate'\n"
    assert not container.calls_file.exists()


@pytest.mark.parametrize("uid", ["0", "10001"])
def test_migrate_alone_is_the_databases_owner(container: Container, uid: str) -> None:
    for folder in container.folders:
        folder.mkdir()

    code, _, errors = container.run(STUB_UID=uid)

    assert (code, errors) == (0, "")
    assert container.calls("DATABASE", "OPEN") == [
        "DATABASE wait_for_db as app with the app's",
        "DATABASE collectstatic as app with the app's",
        "DATABASE migrate as owner with the owner's",
        "DATABASE gunicorn as app with the app's",
    ]


def test_without_the_owners_password(container: Container) -> None:
    container.owner_password.unlink()

    code, _, errors = container.run()

    assert code == 1
    assert errors == (
        f"run.sh: error: cannot read POSTGRES_OWNER_PASSWORD_FILE '{container.owner_password}':"
        " set it to the owner's file\n"
    )
    assert not container.calls_file.exists()


def test_number_of_workers(container: Container) -> None:
    container.run(WEB_CONCURRENCY="7")

    assert container.calls("gunicorn") == ["gunicorn --bind :9000 --workers 7 config.wsgi"]


@pytest.mark.parametrize(
    ("fails", "error", "last_call"),
    [
        ("id -u django", "this system has no user 'django': create it in the image", "id"),
        ("chown", "the container needs capability CHOWN", "chown"),
        ("setpriv", "the container needs capabilities SETUID, SETGID and SETPCAP", "setpriv"),
        ("wait_for_db", "wait_for_db failed: see the message above", "python"),
        ("collectstatic", "collectstatic failed: see the message above", "python"),
        ("migrate", "migrate failed: the database is as the last whole migration left it", "python"),
    ],
)
def test_a_step_that_fails_is_the_last(container: Container, fails: str, error: str, last_call: str) -> None:
    code, _, errors = container.run(STUB_FAILS=fails)

    assert code == 1
    assert errors.startswith("run.sh: error: ")
    assert error in errors
    assert len(errors.splitlines()) == 1
    calls = container.calls_file.read_text().splitlines()
    assert fails in calls[-1]
    assert calls[-1].split()[0] == last_call


def test_without_the_owners_login_it_serves_what_needs_no_migration(container: Container) -> None:
    """As after a power cut in the middle of a rotation."""
    code, output, errors = container.run(STUB_FAILS="migrate --noinput")

    assert (code, errors) == (0, "")
    assert "run.sh: going on, as there is nothing to migrate" in output
    assert container.calls("python", "gunicorn") == [*START[:3], "python manage.py migrate --check", START[3]]
    assert "DATABASE migrate as app with the app's" in container.calls("DATABASE")


def test_without_the_owners_login_nothing_is_migrated(container: Container) -> None:
    """The control: whoever has something to migrate does not go on."""
    code, _, errors = container.run("migrate", STUB_FAILS="migrate --noinput")

    assert code == 1
    assert errors.startswith("run.sh: error: migrate failed: ")
    assert container.calls("python") == [START[0], START[2]]


def test_unprivileged_without_folders(container: Container) -> None:
    code, _, errors = container.run(STUB_UID="10001")

    assert code == 1
    assert (
        f"{container.folders[0]} is missing or not ours to write: start as root, or give it to someone"
        in errors
    )
    assert container.calls("python") == []


def test_without_gunicorn(container: Container) -> None:
    (container.calls_file.parent / "bin/gunicorn").unlink()

    code, _, errors = container.run()

    assert code == 1
    assert errors == "run.sh: error: there is no gunicorn on PATH: install requirements.txt\n"


@pytest.mark.parametrize("step", ["wait_for_db", "migrate"])
def test_sigterm_ends_a_step_under_way(container: Container, step: str) -> None:
    process = container.start(STUB_HANGS=step)
    for _ in range(100):
        if container.calls_file.exists() and any(step in call for call in container.calls("python")):
            break
        time.sleep(0.05)
    else:
        pytest.fail(f"{step} was never begun")
    begin = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)

    assert time.monotonic() - begin < 1
    assert process.returncode == 143
    assert container.calls("gunicorn") == []
