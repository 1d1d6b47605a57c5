"""What is to be done for a release, read off the host."""

from __future__ import annotations

from dataclasses import dataclass, field

from .containers import Container
from .errors import RolloutError
from .host import Host
from .probe import Health


@dataclass
class Plan:
    """What is to be done.

    Attributes:
        database: What becomes of the database's container: nothing (empty), `start` or `replace`.
        nginx: The same of nginx's.
        api: Whether there has to be a new container of the API.
        roles: Whether roles or privileges of the database are missing.
        rotation: Whether secrets are on their way into use.
        former_login: Whether the API could still log in as it did before a rotation.
        retire: API containers that a killed run left.
        reload: Whether nginx has to read another configuration.
        commit: Whether the host has to note that this is the release that serves.
    """

    database: str = ""
    nginx: str = ""
    api: bool = False
    roles: bool = False
    rotation: bool = False
    former_login: bool = False
    retire: list[Container] = field(default_factory=list)
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
        """Name the services that this replaces, which can't be done without a moment of silence."""
        return [what for verb, what in ((self.database, "db"), (self.nginx, "nginx")) if verb == "replace"]


def read_plan(host: Host, health: Health) -> Plan:
    """Compare the host with the release.

    Raises:
        EngineError: The host can't be looked at.
        RolloutError: The release can't be served beside what runs.
    """
    wanted = host.hashes()
    present = host.containers()
    databases = [one for one in present if one.service == "db"]
    apis = [one for one in present if one.service == "api"]
    plan = Plan(
        database=verb("db", present, wanted),
        nginx=verb("nginx", present, wanted),
        rotation=bool(host.secrets.rotation()),
        roles=not databases,
    )
    if not plan.database:
        database = host.database()
        roles = database.roles()
        plan.roles = bool(database.missing(roles))
        plan.former_login = bool(database.former_login(roles))
    refuse_other_network(host, apis)
    live = host.in_slot(host.nginx.live, apis)
    plan.retire = [one for one in apis if one is not live]
    plan.api = not (live and live.config_hash == wanted["api"] and is_current(live, host))
    # Without the database, no API is ready; it is asked again once there is one.
    if live and not plan.api and not plan.database:
        plan.api = not health.is_ready(live)
    plan.reload = not host.nginx.runs_with(host.release.nginx_conf)
    plan.commit = host.store.current() != host.release.name or bool(live and not host.is_noted())
    return plan


def verb(service: str, present: list[Container], wanted: dict[str, str]) -> str:
    """Say what is to be done with the only container of a service.

    Args:
        service: The service.
        present: All containers.
        wanted: The label of Compose that each service's container has to have.

    Returns:
        `start`, `replace` or nothing.
    """
    found = next((one for one in present if one.service == service), None)
    if found and found.config_hash != wanted[service]:
        return "replace"
    return "" if found and found.running else "start"


def refuse_other_network(host: Host, apis: list[Container]) -> None:
    """Have no API that serves from another network than the release's: nothing could start beside it.

    Raises:
        RolloutError: There is one.
    """
    slots = host.settings.slots.values()
    if others := [one for one in apis if one.running and one.address not in slots]:
        raise RolloutError(
            f"{others[0].name} serves from {others[0].address}, where this release has {' and '.join(slots)},"
            f" and a network can't be changed while it is used: run 'docker compose down' in"
            f" {host.store.folder}, which interrupts the service, and this again"
        )


def is_current(live: Container, host: Host) -> bool:
    """Tell whether a container runs, and was started with today's secrets."""
    return live.running and host.secrets.are_in(live.mounts, live.root)
