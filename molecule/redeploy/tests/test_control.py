"""The control: a plain `docker compose up -d` loses requests, and the load notices it."""

from __future__ import annotations

import time
from collections.abc import Callable

import by_hand
import picture
from scenario import PLAYBOOKS
from state import assert_served, serving
from targets import Target
from traffic import Load
from waiting import wait_until

# On most machines hundreds are lost.
LOST = 20


def test_a_plain_recreate_loses_requests(host: Target, load: Load, new_release: Callable[..., str]) -> None:
    by_hand.build(host, "control")
    with load("control, docker compose up") as traffic:
        picture.pause(picture.BEFORE)
        moment = time.time()
        by_hand.up(host, changed=True)
        wait_until("it serves again", host.is_serving)
        picture.pause(picture.AFTER)
    picture.record("recreate", traffic, moment)
    assert serving(host) == "control"
    assert len(traffic.failed) >= LOST

    name = new_release()
    PLAYBOOKS.ship()
    assert_served(host, name)
