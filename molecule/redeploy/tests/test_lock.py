"""One deploy at a time: a second one is refused with the name of the first, and a dead one blocks nobody."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

from runs import tasks
from scenario import PLAYBOOKS
from state import assert_at_rest, assert_served, whole_form
from targets import Target

# A task of the first deploy that holds the lock for sure, with most of the work still ahead.
TASK = "Describe the images by what they are made from"
HOLDER = r"host is being deployed to by \S+@\S+ .*since \d\d:\d\d:\d\d"


@whole_form
def test_a_second_deploy_is_told_who_holds_the_lock(
    host: Target, good_release: str, say: Callable[[str], None]
) -> None:
    seen: list[str] = []
    with PLAYBOOKS.start("--tags=release") as first:
        assert any(TASK in task for task in tasks(first, seen)), "".join(seen)
        # It goes no further until the second has been told.
        os.kill(first.pid, signal.SIGSTOP)
        try:
            second = PLAYBOOKS.play("site.yml")
        finally:
            os.kill(first.pid, signal.SIGCONT)
        seen += first.stdout or []
    say(f"second deploy: refused after {second.seconds:.1f} s")
    assert second.status != 0
    assert re.search(HOLDER, second.one_line), second.output
    assert second.recap("host")["changed"] == 0
    assert first.returncode == 0, "".join(seen)
    assert_served(host, good_release)


@whole_form
def test_a_deploy_without_its_main_process_is_in_nobodys_way(
    host: Target, new_release: Callable[..., str]
) -> None:
    name = new_release()
    seen: list[str] = []
    with PLAYBOOKS.start("--tags=release") as first:
        assert any(TASK in task for task in tasks(first, seen)), "".join(seen)
        os.kill(first.pid, signal.SIGKILL)
    PLAYBOOKS.ship()
    assert_at_rest(host, name)
