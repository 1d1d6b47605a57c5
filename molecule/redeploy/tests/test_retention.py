"""Releases that are kept, and the disk that they take."""

from __future__ import annotations

import json
from collections.abc import Callable

from scenario import PLAYBOOKS
from state import assert_served, current, kept, whole_form
from targets import STACK, Target

KEPT = 5
MANY = 50
# Of the host's disk, in MiB: what may come and go with logs and caches.
GROWTH = 100


def images(host: Target, name: str) -> set[str]:
    return set(host.run("docker image ls --format '{{.Repository}}:{{.Tag}}' %s", name).split())


def wanted(host: Target) -> set[str]:
    """Return the API's images that the kept releases run with."""
    releases = [
        json.loads(host.run("cat %s", f"{STACK}/releases/{name}/release.json")) for name in kept(host)
    ]
    found = {image for one in releases for image in one["images"]}
    return {image for image in found if image.startswith("django/api:")}


@whole_form
def test_five_releases_are_kept_with_their_images(host: Target, new_release: Callable[..., str]) -> None:
    while len(kept(host)) < KEPT:
        new_release()
        PLAYBOOKS.ship()
    oldest = set(kept(host))
    name = new_release()
    PLAYBOOKS.ship()

    assert len(kept(host)) == KEPT
    assert current(host) in kept(host)
    assert len(oldest - set(kept(host))) == 1
    # The one that left takes its image along, unless another release has the same.
    assert images(host, "django/api") == wanted(host)
    assert_served(host, name)


def disk(host: Target) -> int:
    """Return the MiB that the engine and the stack take."""
    return int(
        host.run("du --summarize --total --block-size=1M /var/lib/docker /srv/django | tail -n 1").split()[0]
    )


@whole_form
def test_disk_use_is_bounded(
    host: Target, new_release: Callable[..., str], say: Callable[[str], None]
) -> None:
    sizes = []
    for _ in range(MANY):
        new_release()
        PLAYBOOKS.ship()
        sizes.append(disk(host))
    say(f"disk: {sizes[KEPT]} MiB after {KEPT + 1} redeploys, {sizes[-1]} MiB after {MANY}")
    assert sizes[-1] - sizes[KEPT] < GROWTH
