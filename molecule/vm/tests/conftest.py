"""The machine of the scenario, seen from the machine that built it: from outside."""

from __future__ import annotations

import pytest
import testinfra
from runs import REPOSITORY
from scenario import ADDRESSES
from targets import Target
from testinfra.host import Host
from waiting import wait_until

KEYS = REPOSITORY / ".cache/vm/ssh"


@pytest.fixture(scope="session")
def outside() -> Host:
    """The machine that the tests run on: a wire leads from it to the virtual one, and nowhere else."""
    return testinfra.get_host("local://")


@pytest.fixture(scope="session")
def targets(outside: Host) -> dict[str, Target]:
    """The machine, as root."""
    host = testinfra.get_host(
        f"ssh://root@{ADDRESSES['vm']}",
        ssh_identity_file=str(KEYS / "id_ed25519"),
        ssh_extra_args=f"-o UserKnownHostsFile={KEYS / 'known_hosts'} -o ConnectTimeout=30",
        # A connection that is kept would be a dead one after a power cut.
        controlpersist=0,
    )
    target = Target("vm", ADDRESSES["vm"], host, outside)
    # It was turned off after the deploy, and nobody has started the stack since.
    wait_until("the stack is back by itself", target.is_serving)
    return {"vm": target}
