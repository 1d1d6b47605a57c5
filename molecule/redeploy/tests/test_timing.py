"""How long a run takes, beside the bare commands that do the same by hand: printed for people to compare."""

from __future__ import annotations

import time
from collections.abc import Callable

import by_hand
from conftest import PLAYBOOKS, assert_served
from targets import Target


def seconds(action: Callable[[], object]) -> float:
    start = time.monotonic()
    action()
    return time.monotonic() - start


def test_times(host: Target, new_release: Callable[..., str], say: Callable[[str], None]) -> None:
    new_release()
    code = PLAYBOOKS.deploy()
    unchanged = PLAYBOOKS.deploy()
    bare_unchanged = seconds(lambda: by_hand.up(host, changed=False))
    bare_build = seconds(lambda: by_hand.build(host, "timed"))
    bare_up = seconds(lambda: by_hand.up(host, changed=True))
    say(f"unchanged rerun: {unchanged.seconds:.1f} s, bare docker compose up: {bare_unchanged:.1f} s")
    say(
        f"code-only redeploy: {code.seconds:.1f} s, bare docker build: {bare_build:.1f} s"
        f" and docker compose up: {bare_up:.1f} s, which answers nothing meanwhile"
    )
    assert unchanged.recap("host")["changed"] == 0

    name = new_release()
    PLAYBOOKS.deploy()
    assert_served(host, name)
