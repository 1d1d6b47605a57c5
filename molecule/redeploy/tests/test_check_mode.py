"""A dry run says what a run would do, and does none of it."""

from __future__ import annotations

from collections.abc import Callable

from scenario import PLAYBOOKS
from state import apis, serving, whole_form
from targets import Target

FILES = "find /srv/django /etc/docker /etc/apt -printf '%p %T@ %s %l\n' | sort"


@whole_form
def test_a_dry_run_says_all_and_changes_nothing(host: Target, new_release: Callable[..., str]) -> None:
    name = new_release()
    before = host.everything(), host.run(FILES)
    served = serving(host)

    run = PLAYBOOKS.ship("--check", "--diff")

    assert (host.everything(), host.run(FILES), serving(host)) == (before[0], before[1], served)
    assert run.recap("host")["changed"] > 0
    assert "switch to a new api container" in run.one_line
    old = host.container("api")["Config"]["Image"]
    assert f"- image: {old}" in run.one_line, run.output

    # The control: what it said, done.
    old_ids = apis(host)
    PLAYBOOKS.ship()
    assert serving(host) == name
    assert apis(host) != old_ids
    assert all(now != then for now, then in zip((host.everything(), host.run(FILES)), before, strict=True))
    new = host.container("api")["Config"]["Image"]
    assert f"+ image: {new}" in run.one_line, run.output
