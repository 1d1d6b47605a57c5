"""Uploads that take longer than the container lives that they were meant for."""

from __future__ import annotations

import time
from collections.abc import Callable

import load as generator
from scenario import PLAYBOOKS
from state import assert_served
from targets import Target
from traffic import Load

# Seconds before the old container is removed in which it gets no new requests, at least.
SWITCHED = 5


def removed(host: Target, since: float) -> float:
    """Return when the last container was removed."""
    words = "docker events --since %s --until %s --filter type=container --filter event=destroy"
    times = host.run(f"{words} --format '{{{{.Time}}}}'", f"{since:.0f}", f"{time.time():.0f}").split()
    return max(float(moment) for moment in times)


def test_an_upload_outlives_the_container_that_it_was_meant_for(
    host: Target, load: Load, new_release: Callable[..., str], say: Callable[[str], None]
) -> None:
    name = new_release()
    # Nobody else: a slow answer would keep the old container there.
    with load("uploads alone", clients={"upload": 6}) as traffic:
        time.sleep(generator.SLOW)
        begin = time.time()
        PLAYBOOKS.deploy()
        gone = removed(host, begin)
    outlived = [
        record for record in traffic.of("upload") if record.start < gone - SWITCHED and record.end > gone + 1
    ]
    say(f"uploads that outlived their container: {len(outlived)}")
    assert outlived
    traffic.assert_nothing_failed()
    assert_served(host, name)
