"""Uploads that take longer than their container lives reach the next one."""

from __future__ import annotations

import time
from collections.abc import Callable

from scenario import PLAYBOOKS
from state import assert_served, serving
from targets import Target
from traffic import Load


def removed(host: Target, since: float) -> float:
    """Return when the last container was removed."""
    words = "docker events --since %s --until %s --filter type=container --filter event=destroy"
    times = host.run(f"{words} --format '{{{{.Time}}}}'", f"{since:.0f}", f"{time.time():.0f}").split()
    return max(float(moment) for moment in times)


def test_an_upload_outlives_the_container_that_it_was_meant_for(
    host: Target, load: Load, new_release: Callable[..., str], say: Callable[[str], None]
) -> None:
    before, name = serving(host), new_release()
    # No other slow clients: their answers would keep the old container there. One quick one, to see the
    # switch.
    with load("uploads alone", clients={"upload": 6, "get-close": 1}) as traffic:
        begin = time.time()
        PLAYBOOKS.ship()
        gone = removed(host, begin)
    switched = max(record.start for record in traffic.of("get-close") if record.release == before)
    outlived = [record for record in traffic.of("upload") if record.start < switched and record.end > gone]
    say(f"uploads that outlived their container: {len(outlived)}")
    assert outlived
    traffic.assert_nothing_failed()
    assert_served(host, name)
