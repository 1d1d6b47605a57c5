#!/usr/bin/python
"""Make a host serve a release of the stack, without losing a request."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Make a host serve a release of the stack, without losing a request
description:
  - A release is a Compose file, nginx's configuration and what is said about both. Its name is their hash.
  - A new API container starts beside the old one, in the free one of two slots (fixed addresses). Once it is
    ready, one file switches nginx to it, without a reload. The old one is closed to new connections, drained
    and stopped.
  - A release that fails is removed again; the one before keeps serving.
  - Roles and privileges of the database are put in place before a release needs them.
  - A rotation of secrets that has begun is finished. The API is replaced if it was started with others.
  - What is to do is read off the host, so a run that was killed is finished by the next.
  - In check mode, and on a host without an engine, says what would be done.
options:
  project_dir:
    description: Folder on the host with the releases and nginx's configuration.
    type: path
    required: true
  compose:
    description: The Compose file. Without it a kept release is rolled back to.
    type: str
  nginx_conf:
    description: nginx's configuration.
    type: str
  settings:
    description:
      - What the rollout has to know of the release. V(project), the Compose project; V(images), those it
        runs; V(built_from), those below them; V(nginx_image); V(slots), the address of each.
      - V(api_user), user and group of C(manage.py); V(migration_check) and V(manage_commands), its arguments.
      - V(host), V(http_port) and V(smoke_path), a page that answers 200 through the published port;
        V(ready_path), the API's readiness.
    type: dict
  release:
    description: The kept release to serve; V(current) for the one that is served, empty for the one before.
    type: str
    default: ""
  allow_destructive_migrations:
    description: Don't run the check of migrations.
    type: bool
    default: false
  keep:
    description: How many releases stay on the host.
    type: int
    default: 5
  start_timeout:
    description: Seconds until a container that isn't ready counts as failed.
    type: int
    default: 75
  drain_timeout:
    description: Seconds that requests in flight on the old container are given before it is told to stop.
    type: int
    default: 75
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
release:
  description: Name of the release.
  type: str
  returned: always
steps:
  description: What was done, or would be.
  type: list
  elements: str
  returned: always
interruptions:
  description: Services that can't be replaced without a moment of silence, and that this release replaces.
  type: list
  elements: str
  returned: always
kept_images:
  description: Images of the releases that are kept.
  type: list
  elements: str
  returned: always
"""

EXAMPLES = r"""
- name: Roll back to the release before
  rollout:
    project_dir: /srv/django/stack
"""

import fcntl  # noqa: E402 - Ansible reads the documentation above first
import hashlib  # noqa: E402
import http.client  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager, suppress  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.files import read, sync, write  # noqa: E402
from ansible.module_utils.stack_database import Database  # noqa: E402
from ansible.module_utils.stack_docker import (  # noqa: E402
    PORT,
    Container,
    RolloutError,
    connections,
    containers,
    docker,
    has_engine,
    refuse,
)
from ansible.module_utils.stack_releases import Release, Store  # noqa: E402
from ansible.module_utils.stack_secrets import Secrets  # noqa: E402

NGINX_CONF = Path("/etc/nginx/site/nginx.conf")
UP = ("up", "--detach", "--no-deps", "--no-build", "--pull=never")


@dataclass(frozen=True)
class Answer:
    status: int
    slot: str
    text: str


def get(address: str, port: int, path: str, host: str) -> Answer:
    """Ask over a new connection.

    Raises:
        OSError: No answer.
        http.client.HTTPException: An answer that is none.
    """
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host, "Connection": "close"})
        answer = connection.getresponse()
        text = answer.read(300).decode(errors="replace")
        return Answer(answer.status, answer.headers.get("X-Slot", ""), text)
    finally:
        connection.close()


class Probe(threading.Thread):
    """Asks through the published port all the time, to tell how long nothing answered."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        super().__init__(daemon=True)
        self.ask = ask
        self.ended = threading.Event()
        self.failed: list[float] = []

    def run(self) -> None:
        while not self.ended.is_set():
            start = time.monotonic()
            if not self.ask():
                self.failed += [start, time.monotonic()]
            self.ended.wait(0.02)

    def seconds(self) -> float:
        """Stop asking, and return the time from the first failed question to the last."""
        self.ended.set()
        self.join()
        return max(self.failed) - min(self.failed) if self.failed else 0.0


@dataclass
class Plan:
    """What is to be done, read off the host."""

    database: str = ""  # "", "start" or "replace"
    nginx: str = ""  # "", "start" or "replace"
    api: bool = False  # a new container
    roles: bool = False  # roles or privileges of the database
    rotation: bool = False  # secrets that are to be replaced
    former_login: bool = False  # the API can still log in as it did before a rotation
    retire: list[Container] = field(default_factory=list)  # containers of an earlier run
    reload: bool = False
    commit: bool = False

    def steps(self) -> list[str]:
        """Say it in words."""
        found = [f"{verb} {what}" for verb, what in ((self.database, "db"), (self.nginx, "nginx")) if verb]
        found += ["set up the database's roles"] if self.roles else []
        found += ["replace secrets"] if self.rotation else []
        found += ["switch to a new api container"] if self.api else []
        found += [f"remove {container.name}, left by a run that was killed" for container in self.retire]
        found += ["close the database login of before"] if self.former_login else []
        found += ["reload nginx"] if self.reload and not self.nginx else []
        return found or (["note the release"] if self.commit else [])

    def interruptions(self) -> list[str]:
        return [what for verb, what in ((self.database, "db"), (self.nginx, "nginx")) if verb == "replace"]


class Rollout:
    """One release on its way to being served."""

    def __init__(self, store: Store, release: Release, params: dict[str, Any]) -> None:
        self.store = store
        self.release = release
        self.settings = release.settings
        self.slots: dict[str, str] = release.settings["slots"]
        self.start_timeout: int = params["start_timeout"]
        self.drain_timeout: int = params["drain_timeout"]
        # A release that is rolled back to brings no migrations, and its commands ran when it was deployed.
        known = not params["compose"]
        allowed = known or params["allow_destructive_migrations"]
        self.migration_check: str = "" if allowed else release.settings["migration_check"]
        self.manage_commands: list[str] = [] if known else release.settings["manage_commands"]
        self.nginx_folder = store.folder / "nginx"
        self.flag = self.nginx_folder / "green"
        self.loaded = store.folder / "nginx.loaded"
        self.secrets = Secrets(store.folder / "secrets")
        self.done: list[str] = []
        self.undo: list[Callable[[], None]] = []

    # What is there

    @property
    def live(self) -> str:
        """The slot that nginx sends requests to."""
        return "green" if self.flag.exists() else "blue"

    def compose(self, slot: str, *args: str, release: Release | None = None) -> str:
        release = release or self.release
        kept = self.store.path(release.name) / "compose.yml"
        words = ["--project-directory", str(self.store.folder), "--file", str(kept) if kept.exists() else "-"]
        said: str = docker("compose", *words, *args, text=release.compose, API_ADDRESS=self.slots[slot])
        return said

    def hashes(self) -> dict[str, str]:
        """Return what Compose would label each service's container with, were it to make it now."""
        return dict(line.split() for line in self.compose(self.live, "config", "--hash", "*").splitlines())

    def found(self, service: str) -> list[Container]:
        return [one for one in containers(self.settings["project"]) if one.service == service]

    def plan(self) -> Plan:
        """Compare the host with the release."""
        wanted = self.hashes()
        present = containers(self.settings["project"])
        plan = Plan()
        state = {}
        for service in ("db", "nginx"):
            one = next((one for one in present if one.service == service), None)
            state[service] = "start" if not one or not one.running else ""
            if one and one.config_hash != wanted[service]:
                state[service] = "replace"
        plan.database, plan.nginx = state["db"], state["nginx"]
        plan.rotation = bool(self.secrets.rotation())
        plan.roles = not self.found("db")
        if not plan.database:
            database = self.database()
            roles = database.roles()
            plan.roles = bool(database.missing(roles))
            plan.former_login = bool(database.former_login(roles))
        apis = [one for one in present if one.service == "api"]
        self.refuse_other_network(apis)
        live = self.in_slot(self.live, apis)
        plan.retire = [one for one in apis if one is not live]
        plan.api = not live or live.config_hash != wanted["api"] or not self.is_current(live)
        digests = {read(self.loaded), digest(read(self.nginx_folder / "nginx.conf"))}
        plan.reload = digests != {digest(self.release.nginx_conf)}
        plan.commit = self.store.current() != self.release.name or bool(live and not self.is_noted())
        return plan

    def refuse_other_network(self, apis: list[Container]) -> None:
        """Have no API that serves from another network than the release's: nothing could start beside it.

        Raises:
            RolloutError: There is one.
        """
        if others := [one for one in apis if one.running and one.address not in self.slots.values()]:
            raise RolloutError(
                f"{others[0].name} serves from {others[0].address}, where this release has"
                f" {' and '.join(self.slots.values())}, and a network can't be changed while it is used: run"
                f" 'docker compose down' in {self.store.folder}, which interrupts the service, and this again"
            )

    @property
    def environment(self) -> str:
        """What a person's own `docker compose` needs to know, as .env has it."""
        return f"API_ADDRESS={self.slots[self.live]}\n"

    def is_noted(self) -> bool:
        noted: str = read(self.store.folder / ".env")
        return noted == self.environment

    def in_slot(self, slot: str, apis: list[Container]) -> Container | None:
        return next((one for one in apis if one.address == self.slots[slot]), None)

    def is_current(self, live: Container) -> bool:
        """Tell whether a container is ready, and was started with today's secrets."""
        return self.is_ready(live) and self.secrets.are_in(live.mounts, Path(f"/proc/{live.pid}/root"))

    def database(self) -> Database:
        """Return the database, once it takes connections."""
        database = Database(self.found("db")[0], self.secrets)
        database.wait(self.start_timeout)
        return database

    # How it is asked

    def ask(self, container: Container, path: str) -> str:
        """Ask a container itself, by the name that clients use; return what is wrong, if anything."""
        try:
            answer = get(container.address, PORT, path, self.settings["host"])
        except (OSError, http.client.HTTPException) as error:
            return f"{path} does not answer ({error})"
        return "" if answer.status == 200 else f"{path} answers {answer.status} {answer.text}"

    def is_ready(self, container: Container) -> bool:
        """Give a container that has just been started, after a reboot say, its time."""
        return container.running and not self.wait_ready(container)

    def wait_ready(self, container: Container) -> str:
        """Wait until a container is ready; return what is wrong if it won't be."""
        deadline = time.monotonic() + self.start_timeout
        while True:
            now = container.refresh()
            if not now or container.crashed(now):
                return "crashes again and again"
            wrong = self.ask(now, self.settings["ready_path"])
            if not wrong:
                return ""
            if time.monotonic() > deadline:
                return f"is not ready after {self.start_timeout} s: {wrong}"
            time.sleep(0.2)

    def smoke(self, slot: str = "", *, good: bool = True) -> str:
        """Ask through the published port; return what is wrong, if anything.

        Args:
            slot: Who has to answer; anybody may if it is empty.
            good: Whether the answer has to be a good one.
        """
        port, path = self.settings["http_port"], self.settings["smoke_path"]
        try:
            answer = get("127.0.0.1", port, path, f"{self.settings['host']}:{port}")
        except (OSError, http.client.HTTPException) as error:
            return f"port {port} does not answer ({error})"
        if good and answer.status != 200:
            return f"{path} through port {port} answers {answer.status}: {answer.text}"
        if slot and answer.slot != slot:
            return f"{path} through port {port} is not answered by slot {slot}"
        return ""

    def see(self, slot: str, seconds: float = 15, *, good: bool = True) -> None:
        """Wait until a slot answers through the published port.

        Raises:
            RolloutError: It doesn't.
        """
        deadline = time.monotonic() + seconds
        while wrong := self.smoke(slot, good=good):
            if time.monotonic() > deadline:
                raise RolloutError(f"the new release is not seen from outside: {wrong}")
            time.sleep(0.1)

    # How it is done

    def deploy(self, plan: Plan) -> None:
        """Make the host serve the release.

        Raises:
            RolloutError: It can't be. What served before still does.
        """
        self.check_images()
        for left in containers(self.settings["project"], oneoff=True):
            docker("rm", "--force", left.id)
        try:
            self.prepare_database(plan)
            for left in plan.retire:
                self.retire(left)
            old = self.in_slot(self.live, self.found("api"))
            if plan.api:
                self.start_api(old)
            elif plan.commit and old:
                self.manage(old)
            self.configure_nginx(plan)
            if plan.api and old:
                self.switch()
            self.see(self.live)
        except (RolloutError, OSError):
            for step in reversed(self.undo):
                with suppress(RolloutError, OSError):
                    step()
            raise
        # Before the old container is drained, which may take long: this is the release that serves now.
        write(self.store.folder / ".env", self.environment)
        if plan.commit:
            self.store.commit(self.release, self.database().migrations())
        if plan.api and old:
            self.retire(old)
        self.finish_rotation()

    def check_images(self) -> None:
        for image in self.settings["images"]:
            try:
                docker("image", "inspect", "--format", "{{.Id}}", image)
            except RolloutError as error:
                raise RolloutError(
                    f"image {image} is not on the host: deploy the app that it was built from"
                ) from error

    def prepare_database(self, plan: Plan) -> None:
        """Have the database run and know everybody who will log in."""
        if plan.database:
            self.up("db", plan.database)
        database = self.database()
        if missing := database.missing(database.roles()):
            database.change(missing)
            self.done.append("set up the database's roles")
        self.secrets.settle()

    def finish_rotation(self) -> None:
        """Refuse what was good before a rotation: nothing that runs uses it any more."""
        database = self.database()
        if former := database.former_login(database.roles()):
            database.close_login(former)
            self.done.append(f"closed the database login {former}")
        if names := sorted(self.secrets.rotation()):
            self.secrets.finish()
            self.done.append(f"replaced {', '.join(names)}")

    def up(self, service: str, verb: str) -> None:
        """Start a service, or replace its container and measure the silence."""
        # Behind a new nginx, the release before may not know the name that it is asked by.
        probe = Probe(lambda: not self.smoke(good=service != "nginx"))
        if verb == "replace":
            probe.start()
            self.undo.append(lambda: self.restore(service))
        self.compose(self.live, *UP, service)
        if verb == "replace":
            if service == "nginx":
                self.see(self.live, good=False)
            else:
                self.database()
                self.wait_for_answers()
            self.done.append(f"replaced {service}: an interruption of {probe.seconds():.1f} s")
        else:
            self.done.append(f"started {service}")

    def wait_for_answers(self) -> None:
        """Wait until the stack answers again, for as long as a start may take."""
        deadline = time.monotonic() + self.start_timeout
        while self.smoke() and time.monotonic() < deadline:
            time.sleep(0.05)

    def restore(self, service: str) -> None:
        """Bring a service back as the current release has it."""
        if name := self.store.current():
            self.compose(self.live, *UP, service, release=self.store.load(name))

    def start_api(self, old: Container | None) -> None:
        """Start the new API in the free slot, and have it ready."""
        slot = other(self.live) if old else self.live
        if old and self.migration_check:
            self.lint_migrations(slot)
        count = len(self.found("api")) + 1
        self.undo.append(lambda: self.remove(slot))
        self.compose(slot, *UP, "--no-recreate", "--scale", f"api={count}", "api")
        new = self.in_slot(slot, self.found("api"))
        if not new:
            raise RolloutError(f"Compose made no API container at {self.slots[slot]}")
        if wrong := self.wait_ready(new):
            raise RolloutError(f"the new API container {wrong}. Its last lines:\n{new.log()}")
        self.manage(new)
        if wrong := self.ask(new, self.settings["smoke_path"]):
            raise RolloutError(f"the new API container is no good: {wrong}; its last lines:\n{new.log()}")
        self.done.append(f"started {new.name}")

    def lint_migrations(self, slot: str) -> None:
        check = ("python", "manage.py", *self.migration_check.split())
        try:
            self.compose(
                slot, "run", "--rm", "--no-deps", "-T", "--user", self.settings["api_user"], "api", *check
            )
        except RolloutError as error:
            said = "\n".join(str(error).splitlines()[1:])
            raise RolloutError(
                "the new release does not pass its check of migrations: correct what it says. One that breaks"
                " the release which still serves has to be split over two, or allowed with"
                f" stack_allow_destructive_migrations: true.\n{said}"
            ) from error

    def manage(self, container: Container) -> None:
        for command in self.manage_commands:
            words = ("python", "manage.py", *command.split())
            said = docker("exec", "--user", self.settings["api_user"], container.id, *words).splitlines() or [
                ""
            ]
            if not said[-1].startswith("unchanged:"):
                self.done.append(f"manage.py {command}: {said[-1]}")

    def configure_nginx(self, plan: Plan) -> None:
        """Have nginx run with the release's configuration, which nginx itself has accepted."""
        if plan.reload:
            before = read(self.nginx_folder / "nginx.conf")
            self.nginx_folder.mkdir(exist_ok=True)
            # nginx reads it as a user of its own, whatever root's umask here is.
            self.nginx_folder.chmod(0o755)
            write(self.nginx_folder / "nginx.conf", self.release.nginx_conf)
            if before:
                self.undo.append(lambda: self.load_nginx(before))
        if plan.nginx:
            self.up("nginx", plan.nginx)
            write(self.loaded, digest(self.release.nginx_conf))
        elif plan.reload:
            self.load_nginx(self.release.nginx_conf)
            self.done.append("reloaded nginx")

    def load_nginx(self, text: str) -> None:
        write(self.nginx_folder / "nginx.conf", text)
        words = ("nginx", "-e", "stderr", "-c", str(NGINX_CONF), "-s", "reload")
        docker("exec", self.found("nginx")[0].id, *words)
        write(self.loaded, digest(text))

    def switch(self) -> None:
        """Send requests to the other slot from now on."""
        slot = other(self.live)
        self.undo.append(lambda: self.switch_back(slot))
        self.point_to(slot)
        self.see(slot)
        self.done.append(f"switched to {slot}")

    def switch_back(self, failed: str) -> None:
        self.point_to(other(failed))
        if container := self.in_slot(failed, self.found("api")):
            self.retire(container)

    def point_to(self, slot: str) -> None:
        if slot == "green":
            self.flag.touch(mode=0o644)
        else:
            self.flag.unlink(missing_ok=True)
        sync(self.flag.parent)

    def remove(self, slot: str) -> None:
        """Remove the container that failed, if it got as far as existing."""
        if failed := self.in_slot(slot, self.found("api")):
            docker("rm", "--force", failed.id)

    def retire(self, container: Container) -> None:
        """Stop a container that gets no more requests, once those it has are answered.

        An upload may have been promised to it before the switch and be complete only now. It is refused, and
        nginx passes it to the other slot. To stop gunicorn while it has not accepted a request yet would lose
        that one.
        """
        now = container.refresh()
        if now and now.running:
            refuse(now)
            deadline = time.monotonic() + self.drain_timeout
            while connections(now) and time.monotonic() < deadline:
                time.sleep(0.05)
            docker("stop", now.id)
        if now:
            docker("rm", "--force", now.id)
        self.done.append(f"removed {container.name}")


def other(slot: str) -> str:
    return "blue" if slot == "green" else "green"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait for a rollout that goes on although the run that began it was killed.

    Raises:
        RolloutError: It takes too long, or this host has had none.
    """
    if not folder.is_dir():
        raise RolloutError("nothing was deployed to this host yet: deploy first")
    lock = folder / ".rollout"
    # Whoever may open it could hold it.
    lock.touch(mode=0o600)
    with lock.open("w") as file:
        for _ in range(600):
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.5)
        else:
            raise RolloutError(
                "another rollout has been under way for 5 minutes: look for it in ps, and end it if it hangs"
            )
        yield


def choose(store: Store, wanted: str) -> Release:
    """Return the kept release to roll back to.

    Args:
        store: Where it is kept.
        wanted: Its name; `current` for the one that is served, empty for the one before.

    Raises:
        RolloutError: There is none, or the database has moved past it.
    """
    if wanted == "current" and store.current():
        return store.load(store.current())
    kept = {entry.release: entry for entry in store.kept()}
    before = [name for name in kept if name != store.current()]
    name = wanted or next(iter(before), "before this one")
    if name not in kept:
        raise RolloutError(f"no release {name} is on this host: choose one of {', '.join(kept) or 'none'}")
    release = store.load(name)
    secrets = Secrets(store.folder / "secrets")
    databases = [one for one in containers(release.settings["project"]) if one.service == "db"]
    applied = [migration for one in databases for migration in Database(one, secrets).migrations()]
    if unknown := [migration for migration in applied if migration not in kept[name].migrations]:
        raise RolloutError(
            f"release {name} does not know {', '.join(unknown)}, which the database has had since:"
            " deploy a release that does"
        )
    return release


def check_files(release: Release) -> Callable[[Path], None]:
    """Return what has Compose and nginx read the files of a release, in the folder given."""

    def check(folder: Path) -> None:
        docker("compose", "--file", str(folder / "compose.yml"), "config", "--quiet")
        docker(
            *("run", "--rm", "--network=none", "--user=0", "--tmpfs=/run/nginx", "--entrypoint=bash"),
            *(f"--volume={folder}:{NGINX_CONF.parent}:ro", release.settings["nginx_image"]),
            # By a shell that the health check needs, and that Alpine's image lacks.
            *("-c", 'exec nginx "$@"', "nginx", "-e", "stderr", "-q", "-t", "-c", str(NGINX_CONF)),
        )

    return check


def differences(store: Store, release: Release) -> list[dict[str, str]]:
    """Describe what the release changes in the files of the one that is served."""
    before = store.load(store.current()) if store.current() else None
    names = {"compose.yml": "compose", "nginx.conf": "nginx_conf"}
    return [
        {
            "before_header": f"{store.current() or 'no release'}/{file}",
            "after_header": f"{release.name}/{file}",
            "before": getattr(before, name, ""),
            "after": getattr(release, name),
        }
        for file, name in names.items()
        if getattr(before, name, "") != getattr(release, name)
    ]


def rollout(params: dict[str, Any], *, dry: bool) -> dict[str, Any]:
    """Do it, or say what would be done.

    Raises:
        RolloutError: It can't be done.
    """
    store = Store(Path(params["project_dir"]), params["keep"])
    if params["compose"]:
        release = Release(params["compose"], params["nginx_conf"], params["settings"])
    else:
        release = choose(store, params["release"])
    result = {
        "release": release.name,
        "interruptions": [],
        "kept_images": [],
        "diff": differences(store, release),
    }
    if dry and not has_engine():
        return result | {"steps": ["deploy to a bare host"], "changed": True}
    host = Rollout(store, release, params)
    plan = host.plan()
    steps = plan.steps()
    if not dry and steps:
        store.add(release, check_files(release))
        host.deploy(plan)
        steps = host.done or steps
    elif not steps and (wrong := host.smoke()):
        raise RolloutError(f"all containers are as they should be, but {wrong}")
    interruptions = plan.interruptions()
    return result | {
        "steps": steps,
        "interruptions": interruptions,
        "kept_images": store.images(),
        "changed": bool(steps),
    }


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "project_dir": {"type": "path", "required": True},
            "compose": {"type": "str"},
            "nginx_conf": {"type": "str"},
            "settings": {"type": "dict"},
            "release": {"type": "str", "default": ""},
            "allow_destructive_migrations": {"type": "bool", "default": False},
            "keep": {"type": "int", "default": 5},
            "start_timeout": {"type": "int", "default": 75},
            "drain_timeout": {"type": "int", "default": 75},
        },
        required_together=[("compose", "nginx_conf", "settings")],
        supports_check_mode=True,
    )
    try:
        if module.check_mode:
            result = rollout(module.params, dry=True)
        else:
            with alone(Path(module.params["project_dir"])):
                result = rollout(module.params, dry=False)
    except (RolloutError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
