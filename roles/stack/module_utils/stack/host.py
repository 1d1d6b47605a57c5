"""The stack on this host, as one release sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ansible.module_utils.engine import docker, follow
from ansible.module_utils.files import read, write

from .containers import Container, containers
from .database import Database
from .nginx import Nginx
from .releases import Release, Store
from .secrets import Secrets


class Host:
    """What a release has to do with on the host: Compose, the containers, nginx's folder and the database."""

    def __init__(self, store: Store, release: Release, secrets: Secrets, start_timeout: float) -> None:
        """Ask nothing yet.

        Args:
            store: The releases that are kept.
            release: The one to be served.
            secrets: Those of the stack.
            start_timeout: Seconds that a database which was just started is given.
        """
        self.store = store
        self.release = release
        self.settings = release.settings
        self.secrets = secrets
        self.start_timeout = start_timeout
        self.nginx = Nginx(store.folder, release.settings.nginx_dir)
        self.environment_file = store.folder / ".env"

    def compose(self, slot: str, *args: str, release: Release | None = None) -> str:
        """Return what a docker compose command prints.

        Args:
            slot: The one that an API container which is made now gets.
            args: The command.
            release: Whose Compose file to use, if not that of the release to be served.

        Raises:
            EngineError: It failed.
        """
        release = release or self.release
        kept = self.store.path(release.name) / "compose.yml"
        file = str(kept) if kept.exists() else "-"
        address = self.settings.slots[slot]
        said: str = docker(*self._compose(file), *args, text=release.compose, API_ADDRESS=address)
        return said

    def follow(self, slot: str, *args: str, limit: float, heard: Callable[[str], None]) -> None:
        """Run a docker compose command of the release that takes long, and pass on what it prints.

        Args:
            slot: The one that an API container which is made now gets.
            args: The command.
            limit: Seconds after which it is killed.
            heard: Is called with all that it has printed so far, each time that there is more.

        Raises:
            EngineError: It failed.
            EngineTimeoutError: It did not come to an end. What it has started may run on.
        """
        file = str(self.store.path(self.release.name) / "compose.yml")
        address = self.settings.slots[slot]
        follow(*self._compose(file), *args, limit=limit, heard=heard, API_ADDRESS=address)

    def _compose(self, file: str) -> list[str]:
        return ["compose", "--project-directory", str(self.store.folder), "--file", file]

    def hashes(self) -> dict[str, str]:
        """Return what Compose would label each service's container with, were it to make it now."""
        said = self.compose(self.nginx.live, "config", "--hash", "*")
        return dict(line.split() for line in said.splitlines())

    def containers(self, service: str = "") -> list[Container]:
        """List the containers of a service, or of all."""
        found = containers(self.settings.project)
        return [one for one in found if service in ("", one.service)]

    def in_slot(self, slot: str, apis: list[Container]) -> Container | None:
        """Return the API container that is in a slot, if there is one."""
        return next((one for one in apis if one.address == self.settings.slots[slot]), None)

    def login_of(self, api: Container) -> str:
        """Return the role of the database that an API container logs in as; empty if it does not run."""
        return self.secrets.login_in(api.mounts, api.root) if api.running else ""

    def database(self) -> Database:
        """Return the database, once it takes connections.

        Raises:
            RolloutError: It doesn't.
        """
        database = Database(self.containers("db")[0], self.secrets)
        database.wait(self.start_timeout)
        return database

    @property
    def environment(self) -> str:
        """What a person's own `docker compose` has to know, as .env has it."""
        return f"API_ADDRESS={self.settings.slots[self.nginx.live]}\n"

    def is_noted(self) -> bool:
        """Tell whether a person's own `docker compose` knows the slot that is live."""
        noted: str = read(self.environment_file)
        return noted == self.environment

    def note(self) -> None:
        """Tell a person's own `docker compose` the slot that is live."""
        write(self.environment_file, self.environment)

    def check_files(self, folder: Path) -> None:
        """Have Compose and nginx read the files of the release.

        Args:
            folder: Where the files lie.

        Raises:
            EngineError: They don't accept them.
        """
        docker("compose", "--file", str(folder / "compose.yml"), "config", "--quiet")
        docker(
            *("run", "--rm", "--network=none", "--user=0", "--tmpfs=/run/nginx", "--entrypoint=bash"),
            *(f"--volume={folder}:{self.settings.nginx_dir}:ro", self.settings.nginx_image),
            # By a shell that the health check needs, and that Alpine's image lacks.
            *("-c", 'exec nginx "$@"', "nginx", "-e", "stderr", "-q", "-t", "-c", self.nginx.inside),
        )
