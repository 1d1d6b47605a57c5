"""What a user without this project would do: build an image, and have Compose recreate the container."""

from __future__ import annotations

from targets import STACK, Target

# The change that a release of these tests makes: one file of the app.
BUILD = """
set -eu
cd {stack}
image=$(docker inspect --format '{{{{.Config.Image}}}}' "$(docker compose ps --quiet api)")
printf 'FROM %s\\nRUN echo {name} > /app/proof/static/proof/release.txt\\n' "$image" |
    docker build --quiet --tag by-hand:{name} - > /dev/null
printf 'services: {{api: {{image: "by-hand:{name}"}}}}\\n' > /run/by-hand.yml
"""
UP = """
set -eu
cd {stack}
docker compose --progress quiet --file compose.yml {more} up --detach
"""


def build(host: Target, name: str) -> None:
    """Build a release of that name out of the one that runs."""
    host.run("bash -c %s", BUILD.format(stack=STACK, name=name))


def up(host: Target, *, changed: bool) -> None:
    """Have Compose bring up the stack, with the release built last or as it is."""
    more = "--file /run/by-hand.yml" if changed else ""
    host.run("bash -c %s", UP.format(stack=STACK, more=more))
