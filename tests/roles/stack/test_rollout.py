"""What a rollout does, in which order, and what it takes back. That it loses nothing is proven on hosts."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import secret_rotation
from ansible.module_utils.engine import EngineError
from ansible.module_utils.stack.alone import alone
from ansible.module_utils.stack.errors import RolloutError
from stand_in import BLUE, GREEN, Host, compose, settings

FIRST = [
    "check compose of api 1",
    "test nginx 1",
    "up db 1",
    *("django_blue may log in", "django_owner may log in", "django_backup may log in"),
    "migrate",
    f"up api 1 at {BLUE}",
    "django-api-1 manage.py ensure_admin",
    "up nginx 1",
]
SECOND = [
    "check compose of api 2",
    "test nginx 1",
    "check migrations: check_migrations --all",
    "migrate",
    f"up api 2 at {GREEN}",
    "django-api-2 manage.py ensure_admin",
    *("refuse django-api-1", "stop django-api-1", "rm django-api-1"),
]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


@pytest.fixture
def deployed(host: Host) -> Host:
    """Serve a first release."""
    host.deploy()
    return host


def notes(host: Host) -> dict[str, Any]:
    """Return what the host remembers of what it serves."""
    return {
        name: (host.folder / name).read_bytes()
        for name in ("history.json", "nginx.loaded", "nginx/nginx.conf", ".env", "current/compose.yml")
    } | {"live": host.live}


def test_a_first_release(host: Host) -> None:
    result = host.deploy()

    assert host.did == FIRST
    assert result["changed"]
    assert result["steps"] == [
        "started db",
        "set up the database's roles",
        "started django-api-1",
        "started nginx",
    ]
    assert result["interruptions"] == []
    assert result["kept_images"] == ["api:1", "base:1", "nginx:1", "postgres:1"]
    assert host.present() == {"django-db-1": "1", "django-api-1": "1", "django-nginx-1": "1"}
    assert (host.folder / ".env").read_text() == f"API_ADDRESS={BLUE}\n"
    assert (host.folder / "compose.yml").read_text() == compose()
    assert not any(probe.started for probe in host.probes)


def test_the_same_release_again(deployed: Host) -> None:
    before = notes(deployed)
    result = deployed.deploy()

    assert (result["changed"], result["steps"], result["diff"], deployed.did) == (False, [], [], [])
    assert notes(deployed) == before


def test_a_second_release_is_served_by_the_other_slot_before_the_first_is_stopped(deployed: Host) -> None:
    deployed.migrations = ["films.0001"]
    result = deployed.deploy(compose=compose(api="2"))

    assert deployed.did == SECOND
    assert result["steps"] == ["started django-api-2", "switched to green", "removed django-api-1"]
    assert [one["before_header"].partition("/")[2] for one in result["diff"]] == ["compose.yml"]
    assert deployed.live == "green"
    assert deployed.present() == {"django-db-1": "1", "django-api-2": "2", "django-nginx-1": "1"}
    assert (deployed.folder / ".env").read_text() == f"API_ADDRESS={GREEN}\n"
    assert '"films.0001"' in (deployed.folder / "history.json").read_text()

    result = deployed.deploy(compose=compose(api="3"))
    assert (deployed.live, deployed.present()["django-api-3"]) == ("blue", "3")


def test_a_dry_run_says_what_would_be_done_and_does_nothing(deployed: Host) -> None:
    before = notes(deployed)
    result = deployed.look(compose=compose(api="2", db="2"), nginx_conf="nginx 2")

    assert result["steps"] == ["replace db", "switch to a new api container", "reload nginx"]
    assert (result["changed"], result["interruptions"]) == (True, ["db"])
    assert deployed.did == []
    assert notes(deployed) == before


def test_a_dry_run_on_a_bare_host(host: Host) -> None:
    host.fails["version"] = ""
    result = host.look()

    assert (result["steps"], result["changed"], host.did) == (["deploy to a bare host"], True, [])


def test_containers_that_are_as_they_should_be_and_do_not_answer(deployed: Host) -> None:
    deployed.pages["1"] = {"/films/": 500}

    with pytest.raises(
        RolloutError, match="all containers are as they should be, but /films/ through port 8080"
    ):
        deployed.deploy()
    assert deployed.did == []


# What a release may fail with: the host serves what it served before, as it did before.
FAILURES: dict[str, tuple[Callable[[Host], object], str]] = {
    "an image that is missing": (lambda host: host.images.remove("api:1"), "image api:1 is not on the host"),
    "files that nginx refuses": (
        lambda host: host.fails.update({"test nginx 2": "unknown"}),
        "failed:\nunknown",
    ),
    "migrations": (
        lambda host: host.fails.update({"check migrations: check_migrations --all": "drops a column"}),
        "does not pass its check of migrations: .*\ndrops a column",
    ),
    "a container that can't be made": (
        lambda host: host.fails.update({f"up api 2 at {GREEN}": "no room"}),
        "no room",
    ),
    "a container that crashes": (
        lambda host: host.crashing.add("2"),
        "the new API container crashes again and again. Its last lines:\nlast words of django-api-2",
    ),
    "a container that does not get ready": (
        lambda host: host.pages.update({"2": {"/health/ready": 503}}),
        "is not ready after 75 s: /health/ready answers 503 version 2. Its last lines:\nlast words of",
    ),
    "a command": (
        lambda host: host.fails.update({"django-api-2 manage.py ensure_admin": "no admin"}),
        "no admin",
    ),
    "a page": (
        lambda host: host.pages.update({"2": {"/films/": 500}}),
        "is no good: /films/ answers 500 version 2; its last lines:\nlast words of django-api-2",
    ),
    "a switch that is not seen": (
        lambda host: setattr(host, "sticks_to", "blue"),
        "not seen from outside: /films/ through port 8080 is not answered by slot green",
    ),
    "nginx that does not reload": (lambda host: host.fails.update({"reload nginx 2": "no"}), "failed:\nno"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_release_that_fails_is_removed(deployed: Host, name: str) -> None:
    break_it, said = FAILURES[name]
    before, present = notes(deployed), deployed.present()
    break_it(deployed)

    with pytest.raises((RolloutError, EngineError), match=said):
        deployed.deploy(compose=compose(api="2"), nginx_conf="nginx 2")

    assert deployed.present() == present
    assert deployed.live == "blue"
    assert notes(deployed) == before
    assert deployed.nginx_runs_with == "nginx 1"
    assert not deployed.box("django-api-1").closed


def test_a_switch_that_is_taken_back_drains_the_release_that_failed(deployed: Host) -> None:
    deployed.sticks_to = "blue"
    with pytest.raises(RolloutError):
        deployed.deploy(compose=compose(api="2"))

    assert deployed.did[-3:] == ["refuse django-api-2", "stop django-api-2", "rm django-api-2"]


def test_a_step_that_can_not_be_taken_back_keeps_no_other_from_it(deployed: Host) -> None:
    deployed.sticks_to = "blue"
    deployed.fails["refuse django-api-2"] = "no iptables"
    with pytest.raises(RolloutError, match="not seen from outside"):
        deployed.deploy(compose=compose(api="2"))

    assert deployed.live == "blue"
    assert "django-api-2" not in deployed.present()


def test_a_first_release_that_fails_leaves_no_api(host: Host) -> None:
    host.crashing.add("1-bad")
    with pytest.raises(RolloutError, match="crashes again and again"):
        host.deploy(compose=compose(api="1-bad"))

    assert host.present() == {"django-db-1": "1"}
    # The next one begins where there is nothing to switch from.
    host.deploy()
    assert host.present() == {"django-db-1": "1", "django-api-2": "1", "django-nginx-1": "1"}
    assert host.live == "blue"


def test_an_api_container_that_compose_does_not_make(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        host, "_up", lambda words, versions, _: words[-1] == "db" and host.add("db", "1") and None
    )
    with pytest.raises(RolloutError, match=f"Compose made no API container at {BLUE}"):
        host.deploy()


def test_a_container_that_is_slow_to_start_gets_its_time(deployed: Host) -> None:
    deployed.boot["2"] = 70
    deployed.deploy(compose=compose(api="2"))
    assert deployed.live == "green"


def test_one_that_is_slower_than_that_does_not(deployed: Host) -> None:
    deployed.boot["2"] = 80
    with pytest.raises(
        RolloutError, match=r"is not ready after 75 s: /health/ready does not answer \(refused\)"
    ):
        deployed.deploy(compose=compose(api="2"))


def test_an_app_without_a_page_of_its_own(deployed: Host) -> None:
    deployed.pages["2"] = {"/": 404}
    without = settings(smoke_path="", migration_check="")
    deployed.deploy(compose=compose(api="2"), settings=without)
    assert deployed.live == "green"
    assert deployed.did[2:4] == ["migrate", f"up api 2 at {GREEN}"]

    deployed.pages["3"] = {"/": 500}
    with pytest.raises(RolloutError, match="is no good: / answers 500"):
        deployed.deploy(compose=compose(api="3"), settings=without)


def test_migrations_are_not_checked_against_their_users_will(deployed: Host) -> None:
    deployed.deploy(compose=compose(api="2"), allow_destructive_migrations=True)
    assert deployed.did == [step for step in SECOND if not step.startswith("check migrations")]


def test_what_a_command_says_is_told_unless_it_changed_nothing(deployed: Host) -> None:
    deployed.said["ensure_admin"] = "looking\nmade user admin"
    result = deployed.deploy(compose=compose(api="2"))
    assert result["steps"][0] == "manage.py ensure_admin: made user admin"


def test_a_secret_reaches_the_command_that_reads_it_alone(deployed: Host) -> None:
    deployed.said["load_films"] = "unchanged:"
    commands = settings(manage_commands=["ensure_admin", "load_films"])
    deployed.deploy(compose=compose(api="2"), settings=commands)

    password = (deployed.folder / "secrets/django_admin_password").read_text()
    assert deployed.heard == {"ensure_admin": password, "load_films": ""}


def test_a_command_that_says_nothing(deployed: Host) -> None:
    deployed.said["ensure_admin"] = ""
    result = deployed.deploy(compose=compose(api="2"))
    assert result["steps"][0] == "manage.py ensure_admin: "


def test_another_setting_alone_replaces_no_container(deployed: Host) -> None:
    present = deployed.present()
    deployed.said["load_films"] = "loaded"
    result = deployed.deploy(settings=settings(manage_commands=["load_films"]))

    assert result["steps"] == ["manage.py load_films: loaded"]
    assert deployed.did[2:] == ["django-api-1 manage.py load_films"]
    assert deployed.present() == present
    assert deployed.deploy(settings=settings(manage_commands=["load_films"]))["steps"] == []


def test_another_configuration_of_nginx_alone(deployed: Host) -> None:
    result = deployed.deploy(nginx_conf="nginx 2")

    assert result["steps"] == ["reloaded nginx"]
    assert deployed.did == [
        *("check compose of api 1", "test nginx 2", "django-api-1 manage.py ensure_admin", "reload nginx 2")
    ]
    assert deployed.nginx_runs_with == "nginx 2"


# Services that can't run twice at once.


@pytest.mark.parametrize("service", ["db", "nginx"])
def test_a_service_is_replaced_and_the_silence_is_measured(deployed: Host, service: str) -> None:
    result = deployed.deploy(compose=compose(**{service: "2"}))

    assert result["interruptions"] == [service]
    assert result["steps"] == [f"replaced {service}: an interruption of 1.2 s"]
    assert deployed.present() == {"django-db-1": "1", "django-api-1": "1", "django-nginx-1": "1"} | {
        f"django-{service}-1": "2"
    }
    [probe] = deployed.probes[-1:]
    assert probe.started
    assert probe.ask()
    # Behind a new nginx, the release before may not know the name that it is asked by.
    deployed.pages["1"] = {"/films/": 400}
    assert probe.ask() == (service == "nginx")


@pytest.mark.parametrize("service", ["db", "nginx"])
def test_the_silence_is_measured_to_its_end(deployed: Host, service: str) -> None:
    deployed.boot["2"] = 12
    began = deployed.clock.now
    deployed.deploy(compose=compose(**{service: "2"}))

    assert deployed.probes[-1].ended >= began + 12


def test_behind_a_new_nginx_the_release_before_may_not_know_the_new_name(deployed: Host) -> None:
    deployed.pages["1"] = {"/films/": 400}
    result = deployed.deploy(compose=compose(api="2", nginx="2"))

    assert result["interruptions"] == ["nginx"]
    assert deployed.live == "green"


def test_nginx_that_is_not_seen_ends_a_first_release(host: Host) -> None:
    host.crashing.add("2")
    with pytest.raises(RolloutError, match=r"not seen from outside: port 8080 does not answer \(refused\)"):
        host.deploy(compose=compose(nginx="2"))
    assert not (host.folder / "current").exists()


def test_a_database_that_does_not_come_back_is_put_back(deployed: Host) -> None:
    deployed.crashing.add("2")
    with pytest.raises(
        RolloutError, match="the database crashes again and again:\nlast words of django-db-1"
    ):
        deployed.deploy(compose=compose(db="2"))

    assert deployed.did[-2:] == ["up db 2", "up db 1"]
    assert deployed.present()["django-db-1"] == "1"


def test_a_database_that_is_slow_to_come_back_is_waited_for(deployed: Host) -> None:
    deployed.pages["1"] = {"/films/": 500}

    def come_back() -> None:
        if deployed.clock.now > asked + 30:
            deployed.pages.clear()

    asked = deployed.clock.now
    deployed.clock.event = come_back
    deployed.deploy(compose=compose(db="2", api="1"), settings=settings(manage_commands=[]))

    assert 30 < deployed.clock.now - asked < 31


def test_nginx_that_does_not_come_back_is_put_back(deployed: Host) -> None:
    deployed.crashing.add("2")
    with pytest.raises(RolloutError, match=r"not seen from outside: port 8080 does not answer \(refused\)"):
        deployed.deploy(compose=compose(nginx="2"), nginx_conf="nginx 2")

    assert deployed.did[-3:] == ["up nginx 2", "up nginx 1", "reload nginx 1"]


def test_a_first_database_that_fails_is_no_release_to_go_back_to(host: Host) -> None:
    host.crashing.add("1")
    with pytest.raises(RolloutError, match="the database crashes"):
        host.deploy()
    assert host.did[-1] == "up db 1"


def test_a_service_that_was_stopped_is_started(deployed: Host) -> None:
    for name in ("django-db-1", "django-nginx-1"):
        deployed.box(name).running = False
    result = deployed.deploy()

    assert result["steps"] == ["started db", "started nginx"]
    assert result["interruptions"] == []
    assert deployed.did == ["up db 1", "up nginx 1"]


# What a killed run left


def test_what_a_killed_run_left_is_removed_first(deployed: Host) -> None:
    deployed.add("api", "half", GREEN)
    deployed.add("api", "check of migrations", oneoff=True)
    result = deployed.deploy()

    assert deployed.did == [
        *("rm django-api-3", "refuse django-api-2", "stop django-api-2", "rm django-api-2"),
    ]
    assert result["steps"] == ["removed django-api-2"]


def test_one_that_does_not_run_is_not_drained(deployed: Host) -> None:
    deployed.add("api", "half", GREEN, running=False)
    deployed.deploy()
    assert deployed.did == ["rm django-api-2"]


def test_one_that_goes_by_itself_meanwhile(deployed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    left = deployed.add("api", "half", GREEN)
    monkeypatch.setattr("ansible.module_utils.stack.containers.Container.refresh", lambda one: None)
    monkeypatch.setattr("ansible.module_utils.stack.probe.Health.is_ready", lambda *_: True)
    deployed.deploy()
    assert deployed.did == []
    assert left in deployed.boxes


@pytest.mark.parametrize("drain_timeout", [75, 3])
def test_requests_in_flight_get_their_time(deployed: Host, drain_timeout: int) -> None:
    old = deployed.box("django-api-1")
    old.connect(2)
    answered = deployed.clock.now + 10
    seen = []

    def answer() -> None:
        seen.append(old.closed)
        if deployed.clock.now > answered:
            old.connect(0)

    deployed.clock.event = answer
    began = deployed.clock.now
    deployed.deploy(compose=compose(api="2"), drain_timeout=drain_timeout)

    assert deployed.clock.now - began == pytest.approx(min(10, drain_timeout), abs=0.1)
    # New ones go elsewhere meanwhile.
    assert seen
    assert all(seen)
    assert "django-api-1" not in deployed.present()


def test_a_killed_run_is_finished_after_the_switch(deployed: Host) -> None:
    deployed.fails["refuse django-api-1"] = "killed"
    with pytest.raises(RolloutError, match="django-api-1 can't be closed to new connections: killed"):
        deployed.deploy(compose=compose(api="2"))
    assert deployed.live == "green"

    deployed.fails.clear()
    result = deployed.deploy(compose=compose(api="2"))
    assert result["steps"] == ["removed django-api-1"]


def test_the_release_that_serves_is_noted_before_the_old_one_is_drained(deployed: Host) -> None:
    deployed.fails["refuse django-api-1"] = "killed"
    with pytest.raises(RolloutError):
        deployed.deploy(compose=compose(api="2"))

    assert (deployed.folder / "current/compose.yml").read_text() == compose(api="2")
    assert (deployed.folder / ".env").read_text() == f"API_ADDRESS={GREEN}\n"


# Rotations


def test_a_rotation_replaces_the_api_and_closes_the_former_login(deployed: Host) -> None:
    result = deployed.rotate("database", "secret_key")

    assert deployed.did == [
        *(
            "postgres may log in",
            "django_green may log in",
            "django_owner may log in",
            "django_backup may log in",
        ),
        f"up api 1 at {GREEN}",
        *("refuse django-api-1", "stop django-api-1", "rm django-api-1"),
        *("django_blue may not log in", "end sessions: 'django_blue'"),
    ]
    assert result["steps"][-2:] == [
        "closed the database login django_blue",
        "replaced django_app_password, django_app_user, django_backup_password, django_owner_password,"
        " django_secret_key, django_secret_key_fallbacks, postgres_password",
    ]
    assert deployed.secrets.rotation() == {}
    assert deployed.serve("current")["steps"] == []


def test_a_rotation_that_fails_is_finished_by_the_next_run(deployed: Host) -> None:
    deployed.fails[f"up api 1 at {GREEN}"] = "no room"
    with pytest.raises(EngineError):
        deployed.rotate("database")
    assert deployed.secrets.rotation()
    assert deployed.roles["django_blue"]["login"]

    deployed.fails.clear()
    result = deployed.deploy()
    assert "closed the database login django_blue" in result["steps"]
    assert deployed.present() == {"django-db-1": "1", "django-api-2": "1", "django-nginx-1": "1"}


def test_secrets_that_are_noted_meanwhile_are_left_to_the_next_run(deployed: Host) -> None:
    """A rollout that drains goes on without its run, and somebody begins a rotation."""
    old = deployed.box("django-api-1")
    old.connect(1)

    def rotate() -> None:
        secret_rotation.begin(deployed.secrets, ["database"], {}, dry=False)
        old.connect(0)

    deployed.clock.event = rotate
    result = deployed.deploy(compose=compose(api="2"))

    assert result["replaced"] == []
    assert deployed.roles["django_blue"]["login"]
    assert deployed.secrets.rotation()
    deployed.clock.event = lambda: None
    result = deployed.serve("current")
    assert "django_app_password" in result["replaced"]
    assert not deployed.roles["django_blue"]["login"]
    assert deployed.roles["django_green"]["login"]


def test_a_login_that_a_running_container_has_is_not_closed(deployed: Host) -> None:
    """Nothing of ours would leave one there: somebody has started it by hand, after the plan was made."""
    deployed.said["ensure_admin"] = "unchanged:"
    removed = deployed._docker_rm

    def start_another(words: list[str], options: Any) -> None:
        removed(words, options)
        other = deployed.add("api", "1", "172.29.90.77")
        (other.proc / "root/run/secrets/django_app_user").write_text("django_blue")

    deployed._docker_rm = start_another  # type: ignore[method-assign, assignment]
    with pytest.raises(RolloutError, match="django-api-3 still logs in to the database as django_blue"):
        deployed.rotate("database")
    assert deployed.roles["django_blue"]["login"]
    assert deployed.secrets.rotation()


def test_nothing_is_called_replaced_that_the_database_has_not_taken(deployed: Host) -> None:
    stopped = deployed._docker_stop

    def change(words: list[str], options: Any) -> None:
        stopped(words, options)
        deployed.roles["django_owner"] = {"login": True, "verifier": "another"}

    deployed._docker_stop = change  # type: ignore[method-assign, assignment]
    with pytest.raises(RolloutError, match="the database has not taken all new passwords"):
        deployed.rotate("database")
    assert deployed.secrets.rotation()


# A sick API does not delay its repair


def test_a_database_that_was_stopped_is_started_at_once(deployed: Host) -> None:
    deployed.clock.now += 1000
    deployed.box("django-db-1").running = False
    began = deployed.clock.now

    assert deployed.look()["steps"] == ["start db"]
    assert deployed.clock.now == began
    assert deployed.deploy()["steps"] == ["started db"]
    assert deployed.clock.now - began < 5


def test_an_api_that_does_not_get_over_it_is_replaced(deployed: Host) -> None:
    deployed.clock.now += 1000
    deployed.box("django-db-1").running = False
    deployed.pages["1"] = {"/health/ready": 503}

    def recover() -> None:
        if len(deployed.boxes) > 3:
            deployed.pages.clear()

    deployed.clock.event = recover
    began = deployed.clock.now
    result = deployed.deploy()
    assert result["steps"] == [
        "started db",
        "started django-api-2",
        "switched to green",
        "removed django-api-1",
    ]
    assert deployed.clock.now - began < 10


def test_an_api_that_has_had_its_time_gets_no_more(deployed: Host) -> None:
    deployed.clock.now += 1000
    deployed.pages["1"] = {"/health/ready": 503}
    began = deployed.clock.now
    assert deployed.look()["steps"] == ["switch to a new api container"]
    assert deployed.clock.now - began == pytest.approx(5, abs=0.3)


def test_one_that_was_just_started_gets_the_rest_of_its_time(deployed: Host) -> None:
    deployed.clock.now += 50
    deployed.pages["1"] = {"/health/ready": 503}
    began = deployed.clock.now
    deployed.look()
    assert deployed.clock.now - began == pytest.approx(25, abs=0.3)


def test_whatever_goes_wrong_is_taken_back(deployed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of this program, for example, is no error that it knows."""
    monkeypatch.setattr("ansible.module_utils.stack.probe.Health.smoke", lambda *_: 1 / 0)
    present = deployed.present()
    with pytest.raises(ZeroDivisionError):
        deployed.deploy(compose=compose(api="2"))
    assert deployed.present() == present


# One at a time


def test_a_host_that_nothing_was_deployed_to(tmp_path: Path) -> None:
    with pytest.raises(RolloutError, match="deploy first"), alone(tmp_path / "stack"):
        pass


def test_nobody_else_may_hold_the_lock(tmp_path: Path) -> None:
    with alone(tmp_path):
        assert (tmp_path / ".rollout").stat().st_mode & 0o777 == 0o600


def test_a_rollout_that_goes_on_is_waited_for(tmp_path: Path, host: Host) -> None:
    began = host.clock.now
    with (tmp_path / ".rollout").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        def end() -> None:
            if host.clock.now > began + 200:
                fcntl.flock(other, fcntl.LOCK_UN)

        host.clock.event = end
        with alone(tmp_path):
            assert host.clock.now - began == pytest.approx(200, abs=1)
            with (tmp_path / ".rollout").open("w") as third, pytest.raises(BlockingIOError):
                fcntl.flock(third, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_one_that_hangs_is_named(tmp_path: Path, host: Host) -> None:
    began = host.clock.now
    with (tmp_path / ".rollout").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(RolloutError, match="another rollout has been under way"), alone(tmp_path):
            pass
    assert host.clock.now - began == pytest.approx(300, abs=1)
