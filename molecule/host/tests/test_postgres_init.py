"""A database whose first start is killed, at whatever moment, is whole at the next one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from targets import Target
from waiting import PATIENCE, wait_until

NAME = "molecule-postgres-init"
# The volume lies in memory: a kill, unlike a power cut, loses nothing that was written.
FOLDER = f"/run/{NAME}"
# When it is killed: as soon as a file is there, in the order in which they come.
MOMENTS = {
    "begun": "*/PG_VERSION",
    "configured": "*/pg_hba.conf",
    "first database": "*/base/1/PG_VERSION",
    "last database": "*/base/5/PG_VERSION",
    "finished": "*/pgdata/PG_VERSION",
}


@dataclass(frozen=True)
class Throwaway:
    """A database of the stack's image, with a volume of its own."""

    target: Target
    image: str
    mount: str  # where the volume is in the container
    data: str  # path of the finished data directory in the volume
    secret: str  # file of the host with the password
    environment: dict[str, str]

    def start(self) -> None:
        """Start it on what its volume holds."""
        options = " ".join(
            f"--env {shlex.quote(f'{key}={value}')}" for key, value in self.environment.items()
        )
        secret = f"{self.secret}:{self.environment['POSTGRES_PASSWORD_FILE']}:ro"
        self.target.run(
            f"docker run --detach --name {NAME} --network none {options}"
            f" --volume {NAME}:{self.mount} --volume {secret} {self.image}"
        )

    def kill_at(self, sign: str) -> None:
        """Kill all its processes as soon as there is a file of that name."""
        first = self.target.inspect("container", NAME)["State"]["Pid"]
        self.target.run(
            f"timeout {PATIENCE} sh -c \"until find {FOLDER} -path '{sign}' | grep -q .; do :; done\""
            f" && kill -KILL {first} && docker wait {NAME}"
        )

    def remove(self) -> None:
        self.target.host.run(f"docker rm --force {NAME}")

    def new_volume(self) -> None:
        self.remove_volume()
        self.target.run(f"mkdir {FOLDER}")
        self.target.run(f"docker volume create --opt type=none --opt o=bind --opt device={FOLDER} {NAME}")

    def remove_volume(self) -> None:
        self.target.host.run(f"docker volume rm {NAME}")
        self.target.run(f"rm -rf {FOLDER}")

    def answers(self) -> bool:
        """Tell whether it accepts the password over TCP, and no other."""
        return self._logs_in(self.target.secret("postgres_password")) and not self._logs_in("wrong")

    def _logs_in(self, password: str) -> bool:
        result = self.target.host.run(
            "docker exec --env %s %s psql --host 127.0.0.1 --username %s --dbname %s -Atc 'SELECT 1'",
            f"PGPASSWORD={password}",
            NAME,
            self.environment["POSTGRES_USER"],
            self.environment["POSTGRES_DB"],
        )
        return result.stdout.strip() == "1"

    def state(self) -> str:
        """Tell how far the initialisation got: `empty`, `half` or `whole`."""
        if self.target.host.file(f"{FOLDER}/{self.data}/PG_VERSION").exists:
            return "whole"
        return "half" if self.target.run(f"find {FOLDER} -name PG_VERSION") else "empty"


@pytest.fixture(scope="module")
def throwaway(targets: dict[str, Target]) -> Iterator[Throwaway]:
    target = targets["debian13"]
    container = target.container("db")
    everything = dict(pair.split("=", 1) for pair in container["Config"]["Env"])
    mount = next(mount["Destination"] for mount in container["Mounts"] if mount["Type"] == "volume")
    sources = {mount["Destination"]: mount["Source"] for mount in container["Mounts"]}
    database = Throwaway(
        target,
        container["Config"]["Image"],
        mount,
        everything["PGDATA"].removeprefix(mount).strip("/"),
        sources[everything["POSTGRES_PASSWORD_FILE"]],
        {key: value for key, value in everything.items() if key.startswith("POSTGRES_")},
    )
    yield database
    database.remove()
    database.remove_volume()


@pytest.fixture(scope="module")
def killed(throwaway: Throwaway) -> dict[str, tuple[str, bool]]:
    """Kill a first start at each moment; return what it left, and whether the next start answered."""
    found = {}
    for moment, sign in MOMENTS.items():
        throwaway.remove()
        throwaway.new_volume()
        throwaway.start()
        throwaway.kill_at(sign)
        left = throwaway.state()
        throwaway.remove()
        throwaway.start()
        try:
            wait_until("the database answers", throwaway.answers, 120)
        except AssertionError:
            found[moment] = left, False
        else:
            found[moment] = left, True
    return found


def test_some_kills_hit_it_half_way(killed: dict[str, tuple[str, bool]]) -> None:
    states = [left for left, _ in killed.values()]
    assert states.count("half") >= 2, states


def test_it_starts_after_every_kill(killed: dict[str, tuple[str, bool]]) -> None:
    assert all(answered for _, answered in killed.values()), killed
