"""The stack's nginx once more, on another port of the host and with another configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from targets import STACK, Target
from waiting import wait_until

NAME = "molecule-nginx"
FOLDER = f"/run/{NAME}"


def configuration(target: Target, port: int) -> str:
    """Return the configuration of the stack's nginx, for another port."""
    text = target.run("cat %s", f"{STACK}/nginx/nginx.conf")
    assert "listen 8000" in text
    return text.replace("listen 8000", f"listen {port}")


@contextmanager
def second_nginx(target: Target, port: int, text: str) -> Iterator[None]:
    """Run an nginx with that configuration, in the host's own network.

    Args:
        target: The host.
        port: Where the configuration has it listen.
        text: The configuration.
    """
    # The folder tells as well which of the API's containers serves.
    target.run(f"cp -r {STACK}/nginx {FOLDER}")
    target.run(f"printf %s %s > {FOLDER}/nginx.conf", "%s", text)
    target.run(
        f"docker run --detach --rm --name {NAME} --network host"
        " --tmpfs /run/nginx:uid=101,gid=101 --tmpfs /tmp"
        f" --volume {FOLDER}:/etc/nginx/site:ro"
        " --volume django_static-data:/vol/static:ro --volume django_media-data:/vol/media:ro"
        " %s nginx -e stderr -c /etc/nginx/site/nginx.conf",
        target.container("nginx")["Config"]["Image"],
    )
    try:
        wait_until("it listens", lambda: target.host.socket(f"tcp://0.0.0.0:{port}").is_listening)
        yield
    finally:
        target.run(f"docker rm --force {NAME}")
        target.run(f"rm -r {FOLDER}")
