"""A release on its way to being served: boot, health, switch, drain, stop; and back, if it fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ansible.module_utils.engine import EngineError, docker

from .containers import Container, connections, refuse
from .errors import RolloutError
from .host import Host
from .migrations import migrate, remove_one_off_containers
from .plan import Plan
from .probe import Health, NotReadyError, Probe, until
from .releases import Release
from .settings import other

UP = ("up", "--detach", "--no-deps", "--no-build", "--pull=never")


def last_line(said: str) -> str:
    """Return the last line of what a command said; nothing if it said nothing."""
    return (said.splitlines() or [""])[-1]


def is_unchanged(said: str) -> bool:
    """Tell whether a command of `manage.py` says in its last line that there was nothing to do."""
    return last_line(said).startswith("unchanged:")


@dataclass(frozen=True)
class Options:
    """How a release is rolled out.

    Attributes:
        drain_timeout: Seconds that requests in flight on an old container are given.
        migration_timeout: Seconds that the migrations are given.
        migration_check: Arguments of `manage.py` to check migrations by; empty for no check.
        migrates: Whether the release may bring migrations.
        manage_commands: Arguments of `manage.py` to run it with before the release gets requests.
    """

    drain_timeout: float
    migration_timeout: float
    migration_check: str
    migrates: bool
    manage_commands: list[str]


class Rollout:
    """Makes a host serve a release.

    Attributes:
        done: What was done, in words.
        replaced: Names of the secrets of which the former ones are refused from now on.
        undo: What takes the steps back that were taken, the last one last.
    """

    def __init__(self, host: Host, health: Health, options: Options) -> None:
        """Do nothing yet."""
        self.host = host
        self.health = health
        self.options = options
        self.settings = host.settings
        self.nginx = host.nginx
        self.done: list[str] = []
        self.replaced: list[str] = []
        # The rotation that this run has put into use: one that is noted meanwhile is the next run's.
        self.settled: dict[str, str] = {}
        self.undo: list[Callable[[], None]] = []

    def deploy(self, plan: Plan) -> None:
        """Do what is planned.

        Raises:
            RolloutError, EngineError, OSError: It can't be done. What served before still does.
        """
        self.check_images()
        remove_one_off_containers(self.settings.project)
        try:
            self.prepare_database(plan)
            self.note_what_serves()
            for left in plan.retire:
                self.retire(left)
            old = self.api_in(self.nginx.live)
            # Without the database, nobody could tell whether it is ready.
            plan.api = plan.api or bool(plan.database and old and not self.health.is_ready(old))
            if plan.api:
                self.start_api(old)
            elif plan.commit and old:
                self.manage(old)
            self.configure_nginx(plan)
            if plan.api and old:
                self.switch()
            self.health.see(self.nginx.live)
        except BaseException:
            # Whatever it is, a fault of this program too.
            self.take_back()
            raise
        # Before the old container is drained, which may take long: this is the release that serves now.
        self.host.note()
        if plan.commit:
            self.commit(self.host.release)
            self.host.store.prune()
        if plan.api and old:
            self.retire(old)
        self.finish_rotation()

    def note_what_serves(self) -> None:
        """Note the release that a run has switched to which was killed before it noted that itself."""
        store = self.host.store
        if (name := store.serving(self.nginx.live)) != store.current():
            self.commit(store.load(name))

    def commit(self, release: Release) -> None:
        """Note the release that serves."""
        self.host.store.give(self.nginx.live, release.name)
        self.host.store.commit(release, self.host.database().migrations())

    def take_back(self) -> None:
        """Undo the steps that were taken, as far as they can be undone."""
        for step in reversed(self.undo):
            with suppress(Exception):
                step()

    def api_in(self, slot: str) -> Container | None:
        """Return the API container that is in a slot, if there is one."""
        return self.host.in_slot(slot, self.host.containers("api"))

    # Before anything is changed

    def check_images(self) -> None:
        """Have all images on the host.

        Raises:
            RolloutError: One is missing.
        """
        for image in self.settings.images:
            try:
                docker("image", "inspect", "--format", "{{.Id}}", image)
            except EngineError as error:
                raise RolloutError(
                    f"image {image} is not on the host: deploy the app that it was built from"
                ) from error

    # The database

    def prepare_database(self, plan: Plan) -> None:
        """Have the database run and know everybody who will log in."""
        if plan.database:
            self.up("db", plan.database)
        database = self.host.database()
        if missing := database.missing(database.roles()):
            database.change(missing)
            self.done.append("set up the database's roles")
        self.settled = self.host.secrets.rotation()
        self.host.secrets.settle()

    def finish_rotation(self) -> None:
        """Refuse what was good before a rotation: nothing that runs uses it any more.

        Raises:
            RolloutError: Something does use it, or the new secrets are not in use.
        """
        secrets = self.host.secrets
        if secrets.rotation() != self.settled:
            return
        database = self.host.database()
        if former := database.former_login(database.roles()):
            if users := [
                one.name for one in self.host.containers("api") if self.host.login_of(one) == former
            ]:
                raise RolloutError(
                    f"{' and '.join(users)} still logs in to the database as {former}, so this login stays"
                    " open: remove the container and run this again"
                )
            database.close_login(former)
            self.done.append(f"closed the database login {former}")
        if self.settled:
            if database.missing(database.roles()):
                raise RolloutError("the database has not taken all new passwords: run this again")
            secrets.finish()
            self.replaced = sorted(self.settled)
            self.done.append(f"replaced {', '.join(self.replaced)}")

    # A service that can't run twice at once

    def up(self, service: str, verb: str) -> None:
        """Start a service, or replace its container and measure the silence.

        Args:
            service: `db` or `nginx`.
            verb: `start` or `replace`.
        """
        # Behind a new nginx, the release before may not know the name that it is asked by.
        good = service != "nginx"
        probe = Probe(lambda: not self.health.smoke_port(good=good))
        if verb == "replace":
            probe.start()
            self.undo.append(lambda: self.restore(service))
        self.host.compose(self.nginx.live, *UP, service)
        if verb == "replace":
            if service == "nginx":
                self.health.see(self.nginx.live, good=False)
            else:
                self.host.database()
                until(self.health.start_timeout, 0.05, self.health.smoke_port)
            self.done.append(f"replaced {service}: an interruption of {probe.seconds():.1f} s")
        else:
            self.done.append(f"started {service}")

    def restore(self, service: str) -> None:
        """Bring a service back as the current release has it."""
        store = self.host.store
        if name := store.current():
            self.host.compose(self.nginx.live, *UP, service, release=store.load(name))

    # Boot and health

    def start_api(self, old: Container | None) -> None:
        """Start the new API in the free slot, and have it ready.

        Raises:
            RolloutError: It does not get ready, or is no good.
        """
        slot = other(self.nginx.live) if old else self.nginx.live
        pending = True
        if old and self.options.migration_check:
            pending = self.check_migrations(slot)
        if pending and self.options.migrates and self.settings.migrate_command:
            applied = migrate(self.host, slot, self.options.migration_timeout)
            self.done += [f"applied {name}" for name in applied]
        count = len(self.host.containers("api")) + 1
        before = self.host.store.slots().get(slot, "")
        self.undo += [lambda: self.host.store.give(slot, before), lambda: self.remove(slot)]
        self.host.store.give(slot, self.host.release.name)
        self.host.compose(slot, *UP, "--no-recreate", "--scale", f"api={count}", "api")
        new = self.api_in(slot)
        if not new:
            raise RolloutError(f"Compose made no API container at {self.settings.slots[slot]}")
        try:
            self.health.wait_ready(new)
        except NotReadyError as error:
            raise RolloutError(f"the new API container {error}. Its last lines:\n{new.log()}") from error
        self.manage(new)
        if wrong := self.health.smoke(new):
            raise RolloutError(f"the new API container is no good: {wrong}; its last lines:\n{new.log()}")
        self.done.append(f"started {new.name}")

    def check_migrations(self, slot: str) -> bool:
        """Have the new release check its migrations, beside the one that still serves.

        Returns:
            Whether there may be any to apply.

        Raises:
            RolloutError: It finds fault with one.
        """
        check = ("python", "manage.py", *self.options.migration_check.split())
        user = ("--user", self.settings.api_user)
        try:
            said = self.host.compose(slot, "run", "--rm", "--no-deps", "-T", *user, "api", *check)
        except EngineError as error:
            said = "\n".join(str(error).splitlines()[1:])
            raise RolloutError(
                "the new release does not pass its check of migrations: correct what it says. One that breaks"
                " the release which still serves has to be split over two, or allowed with"
                f" stack_allow_destructive_migrations: true.\n{said}"
            ) from error
        return not is_unchanged(said)

    def manage(self, container: Container) -> None:
        """Run the commands of `manage.py` that a release wants before it gets requests."""
        for command in self.options.manage_commands:
            name, *arguments = command.split()
            secret = self.settings.command_secrets.get(name)
            said = docker(
                *("exec", "--interactive", "--user", self.settings.api_user, container.id),
                *("python", "manage.py", name, *arguments),
                text=self.host.secrets.file(secret) if secret else "",
            )
            if not is_unchanged(said):
                self.done.append(f"manage.py {command}: {last_line(said)}")

    def remove(self, slot: str) -> None:
        """Remove the container that failed, if it got as far as existing."""
        if failed := self.api_in(slot):
            docker("rm", "--force", failed.id)

    # Switch

    def configure_nginx(self, plan: Plan) -> None:
        """Have nginx run with the release's configuration, which nginx itself has accepted."""
        if plan.reload:
            before = self.nginx.text()
            self.nginx.put(self.host.release.nginx_conf)
            if before:
                self.undo.append(lambda: self.load_nginx(before))
        if plan.nginx:
            self.up("nginx", plan.nginx)
            self.nginx.note_loaded()
        elif plan.reload:
            self.load_nginx(self.host.release.nginx_conf)
            self.done.append("reloaded nginx")

    def load_nginx(self, text: str) -> None:
        """Have nginx run with a configuration."""
        self.nginx.put(text)
        self.nginx.reload(self.host.containers("nginx")[0])

    def switch(self) -> None:
        """Send requests to the other slot from now on."""
        slot = other(self.nginx.live)
        self.undo.append(lambda: self.switch_back(slot))
        self.nginx.point_to(slot)
        self.done.append(f"switched to {slot}")

    def switch_back(self, failed: str) -> None:
        """Send requests to the slot of before again, and stop the container that failed."""
        self.nginx.point_to(other(failed))
        if container := self.api_in(failed):
            self.retire(container)

    # Drain and stop

    def retire(self, container: Container) -> None:
        """Stop a container that gets no more requests, once those it has are answered.

        An upload may have been promised to it before the switch and be complete only now. It is refused, and
        nginx passes it to the other slot. To stop gunicorn while it has not accepted a request yet would lose
        that one.
        """
        now = container.refresh()
        if now and now.running:
            port = self.settings.api_port
            refuse(now, port)
            until(self.options.drain_timeout, 0.05, lambda: "busy" if connections(now, port) else "")
            docker("stop", now.id)
        if now:
            docker("rm", "--force", now.id)
        self.done.append(f"removed {container.name}")
