#!/usr/bin/python
"""Pull and build images side by side."""

from __future__ import annotations

DOCUMENTATION = r"""
module: get_images
short_description: Pull and build images side by side
description:
  - Takes the steps that M(image_plan) has found, without the base image's. Each spends much of its time
    waiting for a mirror or a disk, which another can use; one that stands on another waits for that.
  - Another run may do the same at the same time. It waits, and finds the images there.
options:
  steps:
    description: Which images to get, and how.
    type: list
    elements: dict
    required: true
  namespace:
    description: First part of the names of our images.
    type: str
    required: true
  contexts:
    description: Folder with the archives that images are built from. Needed to build.
    type: path
  keep_contexts:
    description: Whether the archives stay in that folder. Else those of O(steps) and old ones are removed.
    type: bool
    default: false
  keep_for_others:
    description: >-
      How many images of each kind stay that were built for other machines, the newest. Those of O(steps) stay
      in any case.
    type: int
    default: 3
attributes:
  check_mode:
    support: none
author: the maintainers
"""

RETURN = r"""
names:
  description: The images that were not there before.
  type: list
  elements: str
  returned: success
"""

EXAMPLES = r"""
- name: Build two images
  get_images:
    steps:
      - {key: python, name: "web/python:1", base: "debian:trixie-slim", args: {}, context: python.tar}
      - {key: api, name: "web/api:1", base: "web/python:1", args: {}, context: api.tar}
    namespace: web
    contexts: /srv/web/build
"""

import fcntl  # noqa: E402 - Ansible reads the documentation above first
import os  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterable, Iterator  # noqa: E402
from concurrent.futures import Future, ThreadPoolExecutor  # noqa: E402
from contextlib import contextmanager, suppress  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.engine import EngineError, docker, run  # noqa: E402
from ansible.module_utils.images import stock  # noqa: E402

# The label of the stage of python's Dockerfile that is left without a name.
STAGE = "django.stage"
MAX_AGE_SECONDS = 24 * 3600


def build(step: dict[str, Any], contexts: Path) -> None:
    """Build an image from its archive.

    Raises:
        EngineError: It does not build; the text has the build's last lines.
        OSError: The archive can't be read.
    """
    arguments = {"BASE": step["base"]} | step["args"]
    options = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    # A failed step's container would keep all layers below it.
    command = ["docker", "build", "--quiet", "--force-rm", f"--tag={step['name']}", *options, "-"]
    # The builder that each engine has of its own: BuildKit is a package of its own in some releases.
    environment = os.environ | {"DOCKER_BUILDKIT": "0"}
    with (contexts / step["context"]).open("rb") as context:
        result = subprocess.run(  # noqa: S603 - no shell
            command, stdin=context, env=environment, capture_output=True, text=True, check=False
        )
    if result.returncode:
        said = (result.stdout + result.stderr).strip().splitlines()[-15:]
        raise EngineError("\n".join([f"{step['name']} does not build:", *said]))


def get(step: dict[str, Any], contexts: Path) -> bool:
    """Get an image, unless another run has done that meanwhile, and tell whether it was missing.

    Raises:
        EngineError: That fails.
        OSError: The archive can't be read.
    """
    if run("docker", "image", "inspect", step["name"]).returncode == 0:
        return False
    if step.get("pull"):
        docker("pull", "--quiet", step["name"], limit=None)
    elif step.get("same_as"):
        docker("tag", step["same_as"], step["name"])
    else:
        build(step, contexts)
    return True


def get_all(steps: Iterable[dict[str, Any]], contexts: Path) -> list[str]:
    """Get images side by side, each as soon as the one that it stands on is there.

    Returns:
        The names of those that were missing.

    Raises:
        EngineError: Some can't be had; the text says of each why.
        OSError: An archive can't be read.
    """
    started: dict[str, Future[bool]] = {}

    def follow(step: dict[str, Any]) -> bool:
        # Steps come after those that they need, so none waits for one that has no thread yet.
        if before := started.get(step.get("base") or step.get("same_as") or ""):
            before.result()
        return get(step, contexts)

    steps = list(steps)
    with ThreadPoolExecutor(max_workers=max(len(steps), 1)) as pool:
        for step in steps:
            started[step["name"]] = pool.submit(follow, step)
    # One that failed is told once, and not again by those that stand on it.
    errors = {str(error): error for future in started.values() if (error := future.exception())}
    for error in errors.values():
        if not isinstance(error, EngineError):
            raise error
    if errors:
        raise EngineError("\n".join(errors))
    return [name for name, future in started.items() if future.result()]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other run builds from a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def drop_contexts(folder: Path, used: Iterable[str]) -> None:
    """Remove archives that were built from, and those that a killed run has left."""
    used = set(used)
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if path.name in used or path.stat().st_mtime < time.time() - MAX_AGE_SECONDS:
                path.unlink()


def drop_images(namespace: str, keep: int, needed: set[str]) -> None:
    """Remove what builds leave behind, and all but the newest images that were built for other machines.

    Args:
        namespace: First part of the names of our images.
        keep: How many images of each kind stay.
        needed: Names that stay in any case.
    """
    # Another container may still use one: then it stays until the next time.
    run("docker", "image", "prune", "--force", "--filter", f"label={STAGE}")
    there = sorted(stock.images(), key=lambda image: image.created, reverse=True)
    by_kind: dict[str, list[str]] = {}
    for image in there:
        for name in stock.ours(namespace, [image], stock.FOR_OTHERS):
            by_kind.setdefault(name.partition(":")[0], []).append(name)
    for names in by_kind.values():
        if old := [name for name in names[keep:] if name not in needed]:
            run("docker", "image", "rm", *old)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "steps": {"type": "list", "elements": "dict", "required": True},
            "namespace": {"type": "str", "required": True},
            "contexts": {"type": "path"},
            "keep_contexts": {"type": "bool", "default": False},
            "keep_for_others": {"type": "int", "default": 3},
        },
    )
    params = module.params
    steps = params["steps"]
    try:
        if params["contexts"]:
            contexts = Path(params["contexts"])
            with alone(contexts):
                try:
                    names = get_all(steps, contexts)
                finally:
                    if not params["keep_contexts"]:
                        drop_contexts(contexts, [step["context"] for step in steps if step.get("context")])
                needed = {name for step in steps for name in (step["name"], step.get("base", ""))}
                drop_images(params["namespace"], params["keep_for_others"], needed)
        else:
            names = get_all(steps, Path())
    except EngineError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{error.filename} can't be read: {error.strerror}")
    # Docker flushes what it notes of an image, not its files: a power cut would leave one with empty files.
    if names:
        os.sync()
    module.exit_json(changed=bool(names), names=names)


if __name__ == "__main__":
    main()
