#!/usr/bin/python
"""Build images side by side."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_builds
short_description: Build images side by side
description:
  - Builds images that don't stand on each other at the same time. Each spends much of its time waiting for a
    mirror or a disk, which another can use.
  - Builds all that it is given; which are missing is for the caller to know.
options:
  images:
    description: V(name) is an image's name, V(path) the folder on the host, V(args) its build arguments.
    type: list
    elements: dict
    required: true
attributes:
  check_mode:
    support: none
author: the maintainers
"""

RETURN = r"""
names:
  description: The images that were built.
  type: list
  elements: str
  returned: success
"""

EXAMPLES = r"""
- name: Build two images
  image_builds:
    images:
      - {name: "web:1", path: /srv/web, args: {BASE: "debian:trixie-slim"}}
      - {name: "db:1", path: /srv/db, args: {}}
"""

import os  # noqa: E402 - Ansible reads the documentation above first
import subprocess  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402


def build(image: dict[str, Any]) -> str:
    """Build one image.

    Args:
        image: Its `name`, `path` and `args`.

    Returns:
        What is wrong, with the build's last lines; empty if nothing is.
    """
    # The archives have files alone: folders got what root's umask left, and an image has them as they are.
    for path in Path(image["path"]).rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    arguments = [f"--build-arg={name}={value}" for name, value in image["args"].items()]
    # A failed step's container would keep all layers below it.
    options = ["--quiet", "--force-rm", f"--tag={image['name']}"]
    command = ["docker", "build", *options, *arguments, image["path"]]
    # The builder that each engine has of its own: BuildKit is a package of its own in some releases.
    environment = os.environ | {"DOCKER_BUILDKIT": "0"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if result.returncode == 0:
        return ""
    said = (result.stdout + result.stderr).strip().splitlines()[-15:]
    return "\n".join([f"{image['name']} does not build:", *said])


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={"images": {"type": "list", "elements": "dict", "required": True}},
    )
    images = module.params["images"]
    with ThreadPoolExecutor(max_workers=len(images)) as pool:
        errors = [error for error in pool.map(build, images) if error]
    if errors:
        module.fail_json(msg="\n".join(errors))
    # Docker flushes what it notes of an image, not its files: a power cut would leave one with empty files.
    os.sync()
    module.exit_json(changed=True, names=[image["name"] for image in images])


if __name__ == "__main__":
    main()
