"""Who may do what in the database, and that a secret is in its file and nowhere else."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from runs import Run, extra, program
from scenario import PLAYBOOKS
from targets import STACK, Target
from testinfra.backend.base import CommandResult
from waiting import wait_until

SEARCH = (Path(__file__).parent / "search.py").read_text()
FOLDER = f"{STACK}/secrets"
WORDS = "/dev/shm/words"
NAME = "molecule-canary"
# Secrets that are given, and so known before they are in use.
GIVEN = (
    "postgres_password",
    "django_owner_password",
    "django_app_password",
    "django_backup_password",
    "django_secret_key",
)
CONTROL = f"control-{secrets.token_urlsafe(24)}"
# Places in which the search must find the word of the control.
PLACES = {
    "environment of a process",
    "process list",
    "inspect container",
    "inspect image",
    "inspect volume",
    "image history",
    "container log",
    "journal",
}
FILES = (
    "/srv/django/canary",
    "/var/lib/docker/containers/",
    "/var/lib/docker/overlay2/",
    "/var/lib/docker/volumes/",
)
# Puts a word into each place: an image with a layer of its own, a container of it that runs and logs, a
# volume with a file, the journal, a file and a process of the host.
PLANT = f"""
set -euo pipefail
word=$1
image=$(docker inspect --format '{{{{.Config.Image}}}}' django-nginx-1)
printf 'FROM %s\\nLABEL word=%s\\nRUN echo %s > /tmp/word\\n' "$image" "$word" "$word" |
  DOCKER_BUILDKIT=0 docker build --quiet --network none --tag {NAME} -
docker volume create --label "word=$word" {NAME}
docker run --detach --name {NAME} --network none --user 0 --volume {NAME}:/canary --env "WORD=$word" {NAME} \\
  sh -c 'echo "$WORD" | tee /canary/word; exec sleep 600'
echo "$word" | systemd-cat
echo "$word" > /srv/django/canary
nohup sh -c 'sleep 120; :' "$word" > /dev/null 2>&1 &
"""
CLEAR = f"""
docker rm --force --volumes {NAME}
docker volume rm {NAME}
docker image rm {NAME}
rm -f /srv/django/canary {WORDS}
"""

DDL = {
    "CREATE TABLE made (a int)": "permission denied for schema public",
    "CREATE TEMPORARY TABLE made (a int)": "permission denied to create temporary tables",
    "CREATE SCHEMA made": "permission denied for database django",
    "CREATE FUNCTION made() RETURNS int LANGUAGE sql AS 'SELECT 1'": "permission denied for schema public",
    "ALTER TABLE movies_film ADD made int": "must be owner of table movies_film",
    "CREATE INDEX made ON movies_film (title)": "must be owner of table movies_film",
    "DROP TABLE movies_film CASCADE": "must be owner of table movies_film",
}


def as_app(target: Target, statement: str) -> CommandResult:
    return target.psql(target.secret("django_app_user"), target.secret("django_app_password"), statement)


def as_owner(target: Target, statement: str) -> CommandResult:
    return target.psql("django_owner", target.secret("django_owner_password"), statement)


@pytest.mark.parametrize(("statement", "refusal"), DDL.items())
def test_the_owner_alone_changes_the_schema(target: Target, statement: str, refusal: str) -> None:
    taken_back = f"BEGIN; {statement}; ROLLBACK"
    assert as_owner(target, taken_back).succeeded
    refused = as_app(target, taken_back)
    assert refused.failed
    assert refusal in refused.stderr


def test_the_app_reads_and_writes_rows(target: Target) -> None:
    for statement in (
        "INSERT INTO movies_genre (name) VALUES ('made')",
        "UPDATE movies_film SET year = year",
        "DELETE FROM movies_film",
        "SELECT nextval('movies_film_id_seq')",
    ):
        assert as_app(target, f"BEGIN; {statement}; ROLLBACK").succeeded, statement


def test_the_backup_role_reads_everything_and_writes_nothing(target: Target) -> None:
    password = target.secret("django_backup_password")
    assert target.psql("django_backup", password, "SELECT count(*) FROM auth_user").stdout.strip() == "1"
    refused = target.psql("django_backup", password, "UPDATE movies_film SET year = year")
    assert "permission denied for table movies_film" in refused.stderr


def test_nobody_comes_in_without_a_password(target: Target) -> None:
    """A wrong one is refused as well, over TCP and through the socket."""
    password = target.secret("postgres_password")
    for host in ("db", "127.0.0.1", "/var/run/postgresql"):
        assert target.psql("postgres", password, "SELECT 1", host).stdout.strip() == "1"
        assert "no password supplied" in target.psql("postgres", "", "SELECT 1", host).stderr
        assert "password authentication failed" in target.psql("postgres", "wrong", "SELECT 1", host).stderr
    assert target.sql("SELECT DISTINCT auth_method FROM pg_hba_file_rules") == "scram-sha-256"


def test_only_roles_of_ours_log_in(target: Target) -> None:
    found = target.sql("SELECT rolname FROM pg_authid WHERE rolcanlogin ORDER BY rolname").split()
    assert found == sorted(["django_backup", "django_owner", "postgres", target.secret("django_app_user")])
    assert (
        target.sql("SELECT DISTINCT left(rolpassword, 13) FROM pg_authid WHERE rolcanlogin")
        == "SCRAM-SHA-256"
    )


def test_django_cannot_read_the_owners_password(target: Target) -> None:
    command = f"docker exec --user %s {target.name_of('api')} cat /run/secrets/django_owner_password"
    assert target.run(command, "0") == target.secret("django_owner_password")
    refused = target.host.run(command, "10001")
    assert refused.failed
    assert "Permission denied" in refused.stderr
    for pid in target.processes("api"):
        assert "/run/secrets" not in target.run("ls -l /proc/%s/fd", str(pid))


@pytest.fixture
def cut_off_rotation(targets: dict[str, Target]) -> Iterator[Target]:
    """A host whose database has the owner's next password, and whose files do not have it yet."""
    target = targets["debian13"]
    file = target.secret("django_owner_password")
    target.sql("ALTER ROLE django_owner PASSWORD 'on its way into use'")
    yield target
    target.sql(f"ALTER ROLE django_owner PASSWORD '{file}'")


def test_a_rotation_that_a_power_cut_ended_keeps_nobody_from_serving(cut_off_rotation: Target) -> None:
    target = cut_off_rotation
    before = target.container("api")["State"]
    target.run("kill -KILL %s", str(before["Pid"]))
    gone = {0, before["Pid"]}
    wait_until("the API was started again", lambda: target.container("api")["State"]["Pid"] not in gone)
    wait_until("the API answers", target.is_serving)

    # The control: its start has met a password that does not fit.
    said = target.run("docker logs --since %s %s 2>&1", before["StartedAt"], target.name_of("api"))
    assert 'password authentication failed for user "django_owner"' in said
    assert "run.sh: going on, as there is nothing to migrate" in said


@dataclass(frozen=True)
class Canaries:
    """Secrets that were given from a vault, and what was seen of them and of a word that is no secret."""

    values: dict[str, str]
    runs: list[Run]
    found: dict[str, list[str]]


@pytest.fixture(scope="module")
def canaries(targets: dict[str, Target], tmp_path_factory: pytest.TempPathFactory) -> Canaries:
    target = targets["debian13"]
    folder = tmp_path_factory.mktemp("vault")
    given = {name: f"canary-{secrets.token_urlsafe(24)}" for name in GIVEN}
    variables = folder / "secrets.yml"
    variables.write_text(json.dumps({"stack_secrets": given, "stack_api_environment": {"CANARY": CONTROL}}))
    password = folder / "password"
    password.write_text(secrets.token_urlsafe())
    vault = f"--vault-password-file={password}"
    subprocess.run(
        [program("ansible-vault"), "encrypt", vault, str(variables)], check=True, capture_output=True
    )
    arguments = (vault, f"--extra-vars=@{variables}", "--limit=debian13", "-vvv", "--diff")
    runs = [
        PLAYBOOKS.play("playbooks/rotate_secrets.yml", *arguments),
        PLAYBOOKS.play("site.yml", "--check", *arguments),
    ]

    values = {name: target.secret(name) for name in (*GIVEN, "django_admin_password")}
    words = [*values.values(), CONTROL]
    try:
        target.run("bash -c %s plant %s", PLANT, CONTROL)
        target.run(f"umask 077; printf '%%s\\n' {' '.join(['%s'] * len(words))} > {WORDS}", *words)
        found = json.loads(target.run("python3 -c %s %s %s", SEARCH, WORDS, FOLDER))
    finally:
        target.host.run(CLEAR)
    return Canaries(values, runs, found)


def test_secrets_from_a_vault_are_in_use(targets: dict[str, Target], canaries: Canaries) -> None:
    target = targets["debian13"]
    assert [run.status for run in canaries.runs] == [0, 0], canaries.runs[0].output[-3000:]
    assert all(canaries.values[name].startswith("canary-") for name in GIVEN)
    assert target.logs_in("django_owner", canaries.values["django_owner_password"])


def test_a_secret_is_in_its_file_alone(canaries: Canaries) -> None:
    found = {name: canaries.found[value] for name, value in canaries.values.items()}
    assert {name: where for name, where in found.items() if where} == {}


def test_the_search_finds_a_word_in_each_place(canaries: Canaries) -> None:
    found = canaries.found[CONTROL]
    assert set(found) >= PLACES
    assert all(any(path.startswith(start) for path in found) for start in FILES), found


def test_no_secret_is_in_what_a_run_prints(canaries: Canaries) -> None:
    for run in canaries.runs:
        assert not [name for name, value in canaries.values.items() if value in run.output]
        # The control: the secrets were handed over, and what is not secret is shown.
        assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in run.output
    assert CONTROL in canaries.runs[1].output


def test_other_secrets_than_those_in_use_are_refused(targets: dict[str, Target], canaries: Canaries) -> None:
    before = targets["debian13"].containers()
    other = f"other-{secrets.token_urlsafe(24)}"
    run = PLAYBOOKS.play(
        "playbooks/check.yml",
        extra(stack_secrets={"django_app_password": other}),
        "--limit=debian13,localhost",
    )
    assert run.status != 0
    said = run.one_line
    assert "the given django_app_password is not the one in use" in said
    assert "run playbooks/rotate_secrets.yml" in said
    assert other not in run.output
    assert targets["debian13"].containers() == before
