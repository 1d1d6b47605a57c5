"""Migrations that a release brings, in a container of their own and with a time of their own."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from ansible.module_utils.engine import EngineError, EngineTimeoutError, docker
from ansible.module_utils.files import write

from .containers import containers
from .errors import RolloutError
from .host import Host

# PostgreSQL goes on with what a client has asked until it has something to say to it. A container that is
# killed would leave its locks for so long, so PostgreSQL looks for its client meanwhile: every two seconds.
LOOK_FOR_CLIENT = "PGOPTIONS=-c client_connection_check_interval=2000"
# What Django's migrate prints before it applies one.
APPLYING = re.compile(r"Applying (\S+?)\.\.\.")


class Progress:
    """A file on the host that says which migration runs, and since when; there while one does."""

    def __init__(self, folder: Path) -> None:
        """Write nothing yet."""
        self.path = folder / ".migrating"
        self.begun: list[str] = []

    def heard(self, said: str) -> None:
        """Note the last migration that was begun.

        Args:
            said: All that `migrate` has printed so far.
        """
        begun = APPLYING.findall(said)
        if begun != self.begun:
            self.begun = begun
            write(self.path, json.dumps({"migration": begun[-1], "since": int(time.time())}))

    def end(self) -> None:
        """Say that none runs."""
        self.path.unlink(missing_ok=True)


def migrate(host: Host, slot: str, seconds: float) -> list[str]:
    """Apply the migrations of the release, beside the release that still serves.

    Args:
        host: The host, with the release to be served.
        slot: The one whose address the container gets.
        seconds: How long it may take.

    Returns:
        The migrations that were applied.

    Raises:
        RolloutError: It failed, or took too long. The database is as after the last whole migration.
    """
    progress = Progress(host.store.folder)
    command = host.settings.migrate_command.split()
    words = ("run", "--rm", "--no-deps", "-T", "--env", LOOK_FOR_CLIENT, "api", *command)
    try:
        host.follow(slot, *words, limit=seconds, heard=progress.heard)
    except EngineTimeoutError as error:
        last = (progress.begun or ["none had begun"])[-1]
        raise RolloutError(
            f"the migrations have not ended after {seconds:.0f} s, and the one that ran was ended: {last}."
            " Give them more time with stack_migration_timeout, or look for what they wait for in"
            " pg_stat_activity"
        ) from error
    except EngineError as error:
        said = "\n".join(str(error).splitlines()[1:])
        raise RolloutError(
            "the migrations of the new release fail, and the database is as the last whole one left it:"
            f" correct what is said here, and deploy again.\n{said}"
        ) from error
    finally:
        remove_one_off_containers(host.settings.project)
        progress.end()
    return progress.begun


def remove_one_off_containers(project: str) -> None:
    """Remove containers that ran one command, and that a killed run left."""
    for left in containers(project, oneoff=True):
        docker("rm", "--force", left.id)
