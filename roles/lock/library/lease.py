#!/usr/bin/python
"""Take the lease of a host: the right to be the only run that changes it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lease
short_description: Take the lease of a host
description:
  - A lease is a file that its holder touches again and again. Fails at once if another run holds it and is
    seen to touch it; takes it over if the other run is not seen to touch it for O(expiry).
  - Time is measured by looking, with the host's monotonic clock, so a wrong or corrected clock does no harm.
  - Made for the action P(hold_lease#action), which touches the lease and removes it when the run ends.
  - Reports no change, as a lease is nothing that lasts.
options:
  dir:
    description: Folder of the lease. It is made if it is missing.
    type: path
    required: true
  expiry:
    description: Seconds after which an untouched lease is free.
    type: int
    required: true
  run:
    description: What tells this run from all others.
    type: str
    required: true
  host:
    description: What the message calls this host.
    type: str
    required: true
  holder:
    description: Who runs, and where.
    type: str
    required: true
  process:
    description: Process id of the run, there.
    type: int
    required: true
attributes:
  check_mode:
    support: full
    description: Fails like a real run, but takes nothing.
author: the maintainers
"""

RETURN = r"""
path:
  description: The file to touch, and to remove in the end.
  type: str
  returned: when this run took the lease just now
"""

EXAMPLES = r"""
- name: Take the lease
  lease:
    dir: /run/django-lock
    expiry: 6
    run: 5f0c9a3e71d2b684
    host: api.example.org
    holder: ann@laptop
    process: 4711
"""

import datetime  # noqa: E402 - Ansible reads the documentation above first
import fcntl  # noqa: E402
import json  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.files import write  # noqa: E402

# Seconds between two looks at another run's lease.
PAUSE = 0.2


@dataclass(frozen=True)
class Lease:
    """Who holds a host."""

    run: str
    holder: str
    process: int
    since: str

    def refusal(self, host: str) -> str:
        """Say that the host is taken, in one line."""
        since = datetime.datetime.fromisoformat(self.since)
        today = datetime.datetime.now(datetime.UTC).date()
        when = since.strftime("%H:%M:%S UTC" if since.date() == today else "%Y-%m-%d %H:%M:%S UTC")
        return (
            f"{host} is being deployed to by {self.holder} (process {self.process}) since {when}: "
            "wait for it to end, then run this again."
        )


class HeldError(Exception):
    """Another run holds the host, and lives."""

    def __init__(self, lease: Lease) -> None:
        """Keep the lease that is in the way."""
        super().__init__(lease)
        self.lease = lease


class Watch:
    """Tells a lease whose holder lives from one whose holder died."""

    def __init__(self, expiry: float) -> None:
        self._expiry = expiry
        self._first: tuple[Lease, int] | None = None
        self._began = 0.0

    def is_over(self, found: tuple[Lease, int] | None) -> bool:
        """Tell whether the host is free, by what was found at each look.

        Args:
            found: The lease and when it was touched, by any clock: only a difference counts.

        Raises:
            HeldError: The lease was touched, or taken by yet another run, since the first look.
        """
        if found is None:
            return True
        if self._first is None:
            self._first = found
            self._began = time.monotonic()
        if found != self._first:
            raise HeldError(found[0])
        return time.monotonic() - self._began >= self._expiry


def read(folder: Path) -> tuple[Lease, int] | None:
    """Return the lease and when it was touched, or nothing if the host is free."""
    for path in folder.glob("*.json"):
        # Its holder may remove it at any moment.
        try:
            return Lease(**json.loads(path.read_text())), path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return None


def path_of(folder: Path, run: str) -> Path:
    """Return the file of a run's lease. Each run has its own, so that none can touch or remove another's."""
    return folder / f"{run}.json"


@contextmanager
def guard(folder: Path) -> Iterator[None]:
    """Keep other runs from writing at the same moment. The kernel undoes it when this process ends."""
    with (folder / "guard").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def take(folder: Path, lease: Lease, expiry: float) -> Path | None:
    """Take the lease, at once or when its dead holder's has expired.

    Returns:
        Its file, or nothing if this run has it already.

    Raises:
        HeldError: Another run holds the host, and lives.
        OSError: The folder can't be written to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = path_of(folder, lease.run)
    watch = Watch(expiry)
    while True:
        with guard(folder):
            found = read(folder)
            if found and found[0].run == lease.run:
                return None
            if watch.is_over(found):
                if found:
                    path_of(folder, found[0].run).unlink(missing_ok=True)
                # Whole when it appears, as others read it without the guard.
                write(path, json.dumps(lease.__dict__))
                return path
        time.sleep(PAUSE)


def look(folder: Path, run: str, expiry: float) -> None:
    """Do what `take` does, but take nothing.

    Raises:
        HeldError: Another run holds the host, and lives.
    """
    watch = Watch(expiry)
    while (found := read(folder)) and found[0].run != run and not watch.is_over(found):
        time.sleep(PAUSE)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "dir": {"type": "path", "required": True},
            "expiry": {"type": "int", "required": True},
            "run": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "holder": {"type": "str", "required": True},
            "process": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    folder = Path(module.params["dir"])
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    lease = Lease(module.params["run"], module.params["holder"], module.params["process"], now)
    result: dict[str, object] = {"changed": False}
    try:
        if module.check_mode:
            look(folder, lease.run, module.params["expiry"])
        elif path := take(folder, lease, module.params["expiry"]):
            result["path"] = str(path)
    except HeldError as error:
        module.fail_json(msg=error.lease.refusal(module.params["host"]))
    except OSError as error:
        module.fail_json(
            msg=f"{error.filename} can't be used to hold the host: {error.strerror}. Correct lock_dir."
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
