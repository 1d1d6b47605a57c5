"""What is to be done follows from what is found on the host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.module_utils.stack.errors import RolloutError
from ansible.module_utils.stack.plan import Plan
from stand_in import GREEN, Host, compose, settings


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Serve a release."""
    host = Host(tmp_path, monkeypatch)
    host.deploy()
    host.deploy(compose=compose(api="2"))
    host.deploy()
    return host


def stop(host: Host, service: str) -> None:
    [box] = [box for box in host.boxes if box.service == service]
    box.running = False


def restart(host: Host, service: str) -> None:
    [box] = [box for box in host.boxes if box.service == service]
    box.restarting = True


def lose(host: Host, service: str) -> None:
    host.boxes = [box for box in host.boxes if box.service != service]


def forget(host: Host, file: str) -> None:
    (host.folder / file).unlink()


def rewrite(host: Host, file: str, text: str) -> None:
    (host.folder / file).write_text(text)


def stop_unloaded(host: Host) -> None:
    forget(host, "nginx.loaded")
    stop(host, "nginx")


# What is found, and what a deploy of the same release is to do then.
FOUND: dict[str, tuple[Callable[[Host], object], list[str]]] = {
    "nothing wrong": (lambda host: None, []),
    "no database": (lambda host: lose(host, "db"), ["start db", "set up the database's roles"]),
    "a database that is stopped": (lambda host: stop(host, "db"), ["start db"]),
    "a database that restarts": (lambda host: restart(host, "db"), ["start db"]),
    "no nginx": (lambda host: lose(host, "nginx"), ["start nginx"]),
    "nginx that is stopped": (lambda host: stop(host, "nginx"), ["start nginx"]),
    "no API": (lambda host: lose(host, "api"), ["switch to a new api container"]),
    "an API that is stopped": (lambda host: stop(host, "api"), ["switch to a new api container"]),
    "an API that is not ready": (
        lambda host: host.pages.update({"1": {"/health/ready": 503}}),
        ["switch to a new api container"],
    ),
    "an API with a former secret": (
        lambda host: rewrite(host, "secrets/django_secret_key", "another"),
        ["switch to a new api container"],
    ),
    "a secret that the API does not read": (
        lambda host: rewrite(host, "secrets/django_backup_password", "another-another"),
        ["set up the database's roles"],
    ),
    "a privilege that is gone": (
        lambda host: setattr(host, "has_layout", False),
        ["set up the database's roles"],
    ),
    "a former login": (
        lambda host: host.roles["django_green"].update(login=True),
        ["close the database login of before"],
    ),
    "a rotation that has begun": (
        lambda host: host.secrets.begin({"django_backup_password": "new-new-new-new-new"}),
        ["set up the database's roles", "replace secrets"],
    ),
    "another configuration of nginx": (lambda host: rewrite(host, "nginx/nginx.conf", "x"), ["reload nginx"]),
    "one that was not loaded": (lambda host: forget(host, "nginx.loaded"), ["reload nginx"]),
    "one that was not loaded by nginx that is stopped": (
        stop_unloaded,
        ["start nginx"],
    ),
    "another slot in .env": (
        lambda host: rewrite(host, ".env", f"API_ADDRESS={GREEN}\n"),
        ["note the release"],
    ),
    "no .env": (lambda host: forget(host, ".env"), ["note the release"]),
    "another current release": (lambda host: forget(host, "current"), ["note the release"]),
    "an API left in the other slot": (
        lambda host: host.add("api", "1", GREEN),
        ["remove django-api-4, left by a run that was killed"],
    ),
    "one left outside the network": (
        lambda host: host.add("api", "1", running=False),
        ["remove django-api-4, left by a run that was killed"],
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_is_found_is_mended_and_nothing_else(deployed: Host, name: str) -> None:
    change, steps = FOUND[name]
    change(deployed)

    assert deployed.look()["steps"] == steps
    # And is well then.
    deployed.pages.clear()
    for box in deployed.boxes:
        box.restarting = False
    deployed.deploy()
    assert deployed.look()["steps"] == []


@pytest.mark.parametrize(
    ("changes", "steps", "interruptions"),
    [
        ({"api": "2"}, ["switch to a new api container"], []),
        ({"db": "2"}, ["replace db"], ["db"]),
        ({"nginx": "2"}, ["replace nginx"], ["nginx"]),
        (
            {"api": "2", "db": "2", "nginx": "2"},
            ["replace db", "replace nginx", "switch to a new api container"],
            ["db", "nginx"],
        ),
    ],
)
def test_another_release(
    deployed: Host, changes: dict[str, str], steps: list[str], interruptions: list[str]
) -> None:
    result = deployed.look(compose=compose(**changes))
    assert (result["steps"], result["interruptions"]) == (steps, interruptions)


def test_nginx_reads_another_configuration_when_it_is_replaced(deployed: Host) -> None:
    result = deployed.look(compose=compose(nginx="2"), nginx_conf="nginx 2")
    assert result["steps"] == ["replace nginx"]


def test_a_container_that_is_stopped_and_has_to_be_another_is_replaced(deployed: Host) -> None:
    stop(deployed, "db")
    assert deployed.look(compose=compose(db="2"))["interruptions"] == ["db"]


def test_an_api_that_was_just_started_gets_its_time(deployed: Host) -> None:
    deployed.boot["1"] = 60
    [box] = [box for box in deployed.boxes if box.service == "api"]
    deployed.booted[box.name] = began = deployed.clock.now

    assert deployed.look()["steps"] == []
    assert deployed.clock.now - began == pytest.approx(60, abs=1)


def test_an_api_that_is_stopped_gets_none(deployed: Host) -> None:
    stop(deployed, "api")
    began = deployed.clock.now
    deployed.look()
    assert deployed.clock.now == began


def test_an_api_that_serves_from_another_network_is_not_taken_away(deployed: Host) -> None:
    elsewhere = settings(slots={"blue": "172.29.80.10", "green": "172.29.80.11"})
    said = (
        r"django-api-3 serves from 172\.29\.90\.10, where this release has 172\.29\.80\.10 and"
        r" 172\.29\.80\.11,"
        f" .*: run 'docker compose down' in {deployed.folder}"
    )
    with pytest.raises(RolloutError, match=said):
        deployed.look(settings=elsewhere)

    stop(deployed, "api")
    assert deployed.look(settings=elsewhere)["steps"][0] == "switch to a new api container"


def test_nothing_to_do_in_words() -> None:
    assert Plan().steps() == []
    assert Plan().interruptions() == []
    assert Plan(database="start", nginx="start").interruptions() == []
    assert Plan(reload=True, commit=True).steps() == ["reload nginx"]
    assert Plan(commit=True).steps() == ["note the release"]
